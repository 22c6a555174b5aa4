"""Projects for the user's own ecosystem: CMake, Arduino, PlatformIO, ESP-IDF, Zephyr, and bare metal."""
