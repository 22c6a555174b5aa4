"""A stream of sensor rows to windows: the part of `NAME_values.h` for models that read several rows at a time.

The ring holds what the model reads, int8 rows: a quarter of raw values' room, and each value is quantized once, however
many windows it is in.
"""

from __future__ import annotations


def window_part(name: str, rows: int, channels: int) -> str:
    """C99 and C++ for a ring of `rows` rows of `channels` values, behind NAME_quantize_row."""
    upper, count = name.upper(), "uint16_t" if rows <= 0xFFFF else "uint32_t"
    return f"""\
#define {upper}_WINDOW_ROWS {rows}
#define {upper}_WINDOW_CHANNELS {channels}

/* The last {rows} rows of a stream, as the model reads them. All zeros at first: = {{0}}, or static. */
typedef struct {{
    int8_t rows[{rows * channels}];
    {count} next;  /* where the next row goes; once all are there, where the oldest is */
    {count} count; /* rows that are there */
    {count} fresh; /* rows since a window was due */
}} {name}_window;

/* Takes one row of {upper}_WINDOW_CHANNELS raw values. Returns 1 when a window is due: as soon as {rows} rows are
 * there, and from then on after every `step` more; else 0. */
static inline uint8_t {name}_window_add({name}_window *window, const float *raw, {count} step)
{{
    const uint8_t was_full = window->count == {rows};
    {name}_quantize_row(raw, window->rows + {channels} * (int32_t)window->next);
    window->next = ({count})(window->next + 1 == {rows} ? 0 : window->next + 1);
    window->count = ({count})(was_full ? window->count : window->count + 1);
    window->fresh = ({count})(window->fresh + 1);
    if (window->count < {rows} || (was_full && window->fresh < step)) {{
        return 0;
    }}
    window->fresh = 0;
    return 1;
}}

/* The rows, the oldest first, to the model's input. */
static inline void {name}_window_read(const {name}_window *window, int8_t *input)
{{
    const int32_t oldest = window->count < {rows} ? 0 : {channels} * (int32_t)window->next;
    int32_t i;
    for (i = oldest; i < {rows * channels}; ++i) {{
        *input++ = window->rows[i];
    }}
    for (i = 0; i < oldest; ++i) {{
        *input++ = window->rows[i];
    }}
}}"""
