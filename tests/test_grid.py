"""The grid: as many cells as every backbone gives, symmetric about the middle of the crop."""

import numpy as np

from spectrack import grid


def test_maps_answer_on_25_points_in_the_middle_of_the_search_crop():
    assert (grid.map_cells(grid.TEMPLATE_SIZE_PX), grid.map_cells(grid.SEARCH_SIZE_PX)) == (15, 31)
    points = grid.grid_points_px()
    np.testing.assert_array_equal(points, 31.5 + 8.0 * np.arange(25))
    assert points[12] == grid.SEARCH_SIZE_PX / 2


def test_the_middle_cells_of_a_map_are_cells_of_the_map():
    for size in (grid.TEMPLATE_SIZE_PX, grid.SEARCH_SIZE_PX):
        cells = grid.map_cells(size)
        whole = grid.centres_px(cells, size)
        np.testing.assert_array_equal(whole, grid.FIRST_CELL_PX + grid.STRIDE_PX * np.arange(cells))
        np.testing.assert_array_equal(grid.centres_px(cells - 8, size), whole[4:-4])
