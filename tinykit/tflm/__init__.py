"""The other engine: the .tflite as a C array for TensorFlow Lite Micro's interpreter, behind the same C interface.

TFLM itself comes from the user's ecosystem and is never built here.
"""
