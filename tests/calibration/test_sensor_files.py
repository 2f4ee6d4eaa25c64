"""The XML of snapshot mosaic sensors, written here by hand in the layout that public readers of it show."""

import numpy as np
import pytest

from spectrack.calibration.sensor_files import read_sensor_file
from spectrack.errors import ConfigError, SequenceError
from tests.fixtures.refusals import refuses


def matrix_text(name, rows, wavelengths, algorithm=""):
    bands = "".join(
        f"<virtual_band><wavelength_nm>{centre}</wavelength_nm><fwhm_nm>10</fwhm_nm>"
        f"<coefficients nr_elements='{len(row)}'>{', '.join(map(str, row))}</coefficients></virtual_band>"
        for row, centre in zip(rows, wavelengths, strict=True)
    )
    told = f"<algorithm>{algorithm}</algorithm>" if algorithm else ""
    return f"<correction_matrix><name>{name}</name>{told}<virtual_bands>{bands}</virtual_bands></correction_matrix>"


def sensor_xml(matrices="", *, block=2, area="<offset_x>0</offset_x><offset_y>3</offset_y>", sides=(9, 8), start=""):
    bands = "".join(
        f'<band version="3" index="{index}"><peaks><peak order="1"><wavelength_nm>{500 + 10 * index}</wavelength_nm>'
        f'</peak><peak order="2"><wavelength_nm>900</wavelength_nm></peak></peaks></band>'
        for index in reversed(range(block * block))
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{start}<sensor_calibration version="1">'
        "<sensor_info><width>12</width><height>14</height><input_bpp>10</input_bpp></sensor_info>"
        f'<filter_info layout="MOSAIC"><filter_zones><filter_zone layout="MOSAIC">'
        f"<pattern_width>{block}</pattern_width><pattern_height>{block}</pattern_height><filter_area>{area}"
        f"<width>{sides[0]}</width><height>{sides[1]}</height></filter_area><bands>{bands}</bands></filter_zone>"
        "</filter_zones></filter_info><system_info><spectral_correction_info><correction_matrices>"
        f"{matrices}</correction_matrices></spectral_correction_info></system_info></sensor_calibration>"
    )


@pytest.fixture
def write(tmp_path):
    def write(text, name="cam.xml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def test_what_it_tells(write):
    rows = np.arange(12).reshape(3, 4)
    file = read_sensor_file(write(sensor_xml(matrix_text("hsi_500-540", rows, (505, 515, 525)))))
    sensor = file.sensor
    assert (sensor.name, sensor.bands, sensor.block) == ("cam", 4, 2)
    assert sensor.area == (0, 3, 8, 8)  # whole blocks
    assert sensor.centres_nm == (500, 510, 520, 530)  # by place in the pattern, not in the file
    assert file.bit_depth == 10
    matrix = file.matrix(None)
    assert matrix.wavelengths_nm == (505, 515, 525)
    assert np.array_equal(matrix.coefficients, rows)
    assert not matrix.first
    assert file.matrix("none") is None


def test_a_matrix_for_counts_says_so(write):
    text = matrix_text("early", np.eye(4), (1, 2, 3, 4), algorithm="Tacktile")
    assert read_sensor_file(write(sensor_xml(text))).matrices[0].first


def test_of_several_matrices_one_is_chosen(write):
    text = matrix_text("a", np.eye(4), (1, 2, 3, 4)) + matrix_text("b", np.eye(4), (5, 6, 7, 8))
    file = read_sensor_file(write(sensor_xml(text)))
    assert file.matrix("b").wavelengths_nm == (5, 6, 7, 8)
    with refuses(ConfigError, "found 2", "--matrix"):
        file.matrix(None)
    with refuses(ConfigError, "'c'"):
        file.matrix("c")
    assert read_sensor_file(write(sensor_xml())).matrix(None) is None


@pytest.mark.parametrize(
    "start", ['<!DOCTYPE a [<!ENTITY b "c">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">', "<!DOCTYPE a>"]
)
def test_document_types_are_refused(write, start):
    path = write(sensor_xml(start=start))
    with refuses(SequenceError, path, "DOCTYPE"):
        read_sensor_file(path)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("<calibration type='3'></calibration>", "<calibration>"),
        ("<annotations></annotations>", "<annotations>"),
        ("<sensor_calibration></sensor_calibration>", "found 0"),
        (sensor_xml(area=""), "offset_x"),
        (sensor_xml(sides=(1, 8)), "'1'"),
        (sensor_xml(matrix_text("a", np.eye(3), (1, 2, 3))), "found 3"),
        (sensor_xml(matrix_text("a", np.full((1, 4), "x"), (1,))), "found 0"),
        (sensor_xml(matrix_text("a", np.full((1, 4), "nan"), (1,))), "4 finite numbers"),
        (sensor_xml().replace("<pattern_height>2", "<pattern_height>4"), "2 x 4"),
        (sensor_xml().replace('<filter_zone layout="MOSAIC">', '<filter_zone layout="WEDGE">'), "WEDGE"),
        (sensor_xml()[:-30], "cam.xml"),
    ],
)
def test_other_layouts_are_refused(write, text, fact):
    path = write(text)
    with pytest.raises(SequenceError) as caught:
        read_sensor_file(path)
    assert str(path) in str(caught.value)
    assert fact in str(caught.value)
