"""Library spectra: every way to write a table, units told or refused, and bands against SPy's resampler."""

import numpy as np
import pytest
import spectral

from spectrack import InputError, read_spectrum
from spectrack.evidence.library import LibrarySpectrum
from tests.fixtures.refusals import refuses

PAINT = [(400, 0.1), (500, 0.2), (600, 0.5), (700, 0.4)]


@pytest.fixture
def table(tmp_path):
    def write(text, name="paint.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def lines(separator, *, scale=1.0, rows=PAINT, comma=False):
    text = "\n".join(f"{wavelength * scale:g}{separator}{value}" for wavelength, value in rows)
    return (text.replace(".", ",") if comma else text) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        lines(","),
        lines(", "),
        lines(";"),
        lines(";", comma=True),
        lines("\t"),
        lines("\t", comma=True),
        lines("   "),
        lines(" ", scale=0.001),
        "wavelength,reflectance\n" + lines(","),
        "# measured on Monday\nwavelength (nm);R\n" + lines(";", comma=True),
        "wavelength_um,reflectance\n" + lines(",", scale=0.001),
        "λ (µm)\tR\n" + lines("\t", scale=0.001),
        "Lambda [microns] value\n\n" + lines(" ", scale=0.001),
        lines(",", rows=PAINT[::-1]) + "\n\n# end\n",
        '"wavelength","paint"\r\n' + lines(",").replace("\n", "\r\n"),
        "\ufeffnm,R\n" + lines(","),
    ],
)
def test_every_way_to_write_a_table(table, text):
    found = read_spectrum(table(text))
    np.testing.assert_allclose(found.wavelengths_nm, [400, 500, 600, 700])
    np.testing.assert_allclose(found.values, [0.1, 0.2, 0.5, 0.4])
    assert found.name == "paint"


def test_ecostress_text(table):
    head = "Name: Painted aluminum\nType: manmade\nX Units: Wavelength (micrometers)\nY Units: Reflectance (percent)\n"
    text = head + "First X Value: 0.4\nNumber of X Values: 4\nAdditional Information: none\n\n"
    found = read_spectrum(table(text + lines("\t", scale=0.001, rows=PAINT[::-1]), "x.spectrum.txt"))
    assert found.name == "Painted aluminum"
    np.testing.assert_allclose(found.wavelengths_nm, [400, 500, 600, 700])


def test_usgs_text_without_its_deleted_points(table):
    rows = "".join(f"  {w / 1000:.6f}   {value:.6f}   0.001\n" for w, value in PAINT)
    text = "USGS Digital Spectral Library splib06a\nOlivine GDS70\n" + rows + "  0.800000   -1.23e+34   0.001\n"
    found = read_spectrum(table(text), column="2")
    np.testing.assert_allclose(found.values, [0.1, 0.2, 0.5, 0.4])


def test_a_column_of_several(table):
    path = table("leaf;Wavelength nm;soil\n" + "".join(f"{v};{w};{2 * v}\n" for w, v in PAINT))
    for column, name, factor in (("soil", "soil", 2), ("SOIL", "soil", 2), ("3", "soil", 2), ("leaf", "leaf", 1)):
        found = read_spectrum(path, column)
        assert found.name == name
        np.testing.assert_allclose(found.values, factor * np.array([0.1, 0.2, 0.5, 0.4]))
    with refuses(InputError, "leaf, soil", "--spectrum-column"):
        read_spectrum(path)
    with refuses(InputError, "'soli'", "did you mean 'soil'"):
        read_spectrum(path, "soli")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", ("empty file",)),
        ("nothing here\n", ("two columns of numbers", "none")),
        ("0.1\n0.2\n0.3\n", ("two columns of numbers", "none")),
        ("400,0.1\n500,0.2,0.3\n600,0.5\n", ("2 columns", "line 2")),
        ("400,0.1\n500,high\n", ("line 2", "'500,high'")),
        ("nm,R\n400,0.1\n500,nan\n", ("no number in line 3",)),
        ("nm,R\n400,0.1\n500,\n", ("no number in line 3",)),
        ("nm,R\n400,0.1\n500,-0.2\n", ("a negative value", "line 3")),
        ("nm,R\n-400,0.1\n500,0.2\n", ("a wavelength", "line 2")),
        ("nm,R\n400,0\n500,0\n", ("2 usable lines", "largest value of 0")),
        ("400,0.1\n", ("1 usable lines",)),
        ("nm,R\n,0.1\n,0.2\n", ("an empty column",)),
        ("40,0.1\n70,0.2\n", ("40 to 70", "wavelength_nm")),
        ("x,R\n1,0.1\n400,0.2\n", ("1 to 400", "nm or um")),
        ("nm,R\n0.4,0.1\n0.7,0.2\n", ("in nm", "0.4 to 0.7")),
        ("wavelength_um,R\n400,0.1\n700,0.2\n", ("in um", "400 to 700")),
        ("wavenumber (cm-1),R\n9000,0.1\n25000,0.2\n", ("wavenumbers", "nm = 10^7 / cm^-1")),
    ],
)
def test_what_is_no_spectrum(table, text, facts):
    path = table(text)
    with refuses(InputError, *facts):
        read_spectrum(path)


def test_what_is_no_text(table, tmp_path):
    with refuses(InputError, "no.csv"):
        read_spectrum(tmp_path / "no.csv")
    with refuses(InputError, "binary data"):
        read_spectrum(table("ENVI\0\0\0"))
    assert read_spectrum(table("wave (µm), R\n" + lines(",", scale=0.001), encoding="latin-1"))


def smooth():
    wavelengths = np.arange(380.0, 1020.0, 2.0)
    return wavelengths, 0.4 + 0.3 * np.sin(wavelengths / 60) + 0.1 * np.cos(wavelengths / 23)


def test_bands_are_those_of_spys_resampler():
    wavelengths, values = smooth()
    centres, widths = np.array([450.0, 462.0, 480.0, 560.0, 900.0]), np.array([12.0, 12, 15, 20, 30])
    found = LibrarySpectrum("x", wavelengths, values).in_bands(centres, widths)
    reference = spectral.BandResampler(wavelengths, centres, fwhm2=widths)(values)
    np.testing.assert_allclose(found, reference, atol=5e-3)  # SPy cuts a response off where it falls to half
    sigma = widths[:, None] / (2 * np.sqrt(2 * np.log(2)))
    response = np.exp(-0.5 * ((wavelengths - centres[:, None]) / sigma) ** 2)
    np.testing.assert_allclose(found, response @ values / response.sum(axis=1), atol=2e-4)


def test_bands_in_any_order_and_without_widths():
    library = LibrarySpectrum("x", *smooth())
    ordered = library.in_bands([450, 470, 490, 510])
    np.testing.assert_allclose(library.in_bands([490, 450, 510, 470]), ordered[[2, 0, 3, 1]])
    np.testing.assert_allclose(ordered, library.in_bands([450, 470, 490, 510], [20] * 4))


def test_a_coarse_library_and_narrow_bands_meet_on_the_line_between():
    library = LibrarySpectrum("x", np.array([400.0, 500.0, 700.0]), np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(library.in_bands([430, 600], [2, 2]), [0.3, 0.5], atol=1e-9)


def test_bands_beyond_the_spectrum_are_unknown():
    library = LibrarySpectrum("x", np.array([400.0, 700.0]), np.array([1.0, 1.0]))
    found = library.in_bands([395, 404, 406, 694, 696, 900], [10] * 6)
    np.testing.assert_array_equal(np.isfinite(found), [False, False, True, True, False, False])
    np.testing.assert_allclose(found[2:4], 1)
