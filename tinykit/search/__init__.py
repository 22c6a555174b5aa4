"""Search for a student that fits the board: many architectures, judged by accuracy and by the plan's cost.

search(recipe, output) -> the JSON of `tinykit search`
"""
