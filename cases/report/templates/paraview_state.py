"""Show a result of quasipot in ParaView.

Open it in ParaView with ``paraview --script=paraview_state.py``, or draw a picture without a window with
``pvpython paraview_state.py PICTURE.png`` (where there is no display: under ``xvfb-run -a``).

Per noise: V in colours with isolines at the same heights in all views (in 3D isosurfaces, in 1D curves), the
most probable escape paths in red, attractors as dots with their numbers, saddles as boxes, and the noise
covariance A as ellipses {x : xᵀA⁻¹x = const}, all on one scale.
"""

import json
import os
import sys
from typing import Any, TypeAlias

from paraview import simple, vtk

#: What ParaView hands out, and what is known of the run; neither has types here.
Proxy: TypeAlias = Any
Entry: TypeAlias = dict[str, Any]
RUN: Entry = json.loads(r"""{}""")

INK, RED, WHITE = [0.1, 0.12, 0.15], [0.757, 0.071, 0.122], [1.0, 1.0, 1.0]
VIEW = (640, 560)


def main() -> None:
    """Build all views; save a picture if a file for it is given."""
    simple._DisableFirstRenderCameraReset()
    views = [curves()] if RUN["dim"] == 1 else [view_of(noise) for noise in RUN["noises"]]
    layout = simple.CreateLayout(name="quasipot")
    place = 0
    for index, view in enumerate(views):
        if index + 1 < len(views):
            layout.SplitHorizontal(place, 1.0 / (len(views) - index))
        simple.AssignViewToLayout(view, layout, 2 * place + 1 if index + 1 < len(views) else place)
        place = 2 * place + 2
    for view in views[1:]:
        simple.AddCameraLink(views[0], view, view.SMProxy.GetXMLName() + str(id(view)))
    for view in views:
        simple.Render(view)
    if len(sys.argv) > 1 and sys.argv[-1].endswith(".png"):
        size = [VIEW[0] * len(views), VIEW[1]]
        layout.SetSize(*size)
        simple.SaveScreenshot(sys.argv[-1], layout, ImageResolution=size)
        print("PICTURE " + sys.argv[-1])


def data(name: str) -> Proxy:
    """A reader of a file of the result, which lies beside this script unless it was moved."""
    here = os.path.dirname(os.path.abspath(globals().get("__file__", "")))
    beside = os.path.join(here, name)
    path = beside if os.path.isfile(beside) else os.path.join(RUN["folder"], name)
    return simple.OpenDataFile(path, registrationName=name)


def view_of(noise: Entry) -> Proxy:
    """The view of one noise in two or three dimensions."""
    view = simple.CreateView("RenderView")
    view.UseColorPaletteForBackground = 0
    view.Background = WHITE
    view.OrientationAxesVisibility = 0
    reader = data(noise["file"])
    reader.UpdatePipeline()
    field = noise["field"]
    known = simple.Threshold(registrationName=noise["name"] + " known", Input=reader)
    known.Scalars = ["POINTS", field]
    known.LowerThreshold, known.UpperThreshold = -1e300, 1e300  # leaves out NaN
    (surface if RUN["dim"] == 2 else shells)(view, known, noise)
    if noise["path_group"] is not None:
        paths(view, noise["path_group"])
    marks(view)
    ellipses(view, noise)
    heading(view, noise["name"])
    camera(view)
    return view


def surface(view: Proxy, known: Proxy, noise: Entry) -> None:
    """A plane field in colours with its isolines."""
    shown = simple.Show(known, view)
    shown.NonlinearSubdivisionLevel = 2
    shown.Ambient, shown.Diffuse = 1.0, 0.0  # the colours of the scale, not those of a lit surface
    coloured(view, shown, noise["field"])
    lines = simple.Contour(registrationName=noise["name"] + " contours", Input=known)
    lines.ContourBy = ["POINTS", noise["field"]]
    lines.Isosurfaces = RUN["levels"]
    drawn = simple.Show(tubes(noise["name"] + " isolines", lines, 0.0012), view)
    flat(drawn, INK)
    drawn.Opacity = 0.7
    lift(drawn, 0.001)


def shells(view: Proxy, known: Proxy, noise: Entry) -> None:
    """Isosurfaces of a field in space, one within the other."""
    shells = simple.Contour(registrationName=noise["name"] + " isosurfaces", Input=known)
    shells.ContourBy = ["POINTS", noise["field"]]
    shells.Isosurfaces = RUN["levels"]
    shown = simple.Show(shells, view)
    coloured(view, shown, noise["field"])
    shown.Opacity = 0.22


def coloured(view: Proxy, shown: Proxy, field: str) -> None:
    """Colour by a field, on the scale that all views share."""
    simple.ColorBy(shown, ("POINTS", field))
    colours = simple.GetColorTransferFunction(field)
    colours.RGBPoints = RUN["palette"]
    colours.ColorSpace = "RGB"
    legend = simple.GetScalarBar(colours, view)
    legend.Title, legend.ComponentTitle = field, ""
    legend.TitleColor = legend.LabelColor = INK
    legend.Orientation, legend.WindowLocation = "Horizontal", "Lower Center"
    legend.ScalarBarLength, legend.ScalarBarThickness = 0.5, 12
    legend.TitleFontSize = legend.LabelFontSize = 14
    legend.AutomaticLabelFormat, legend.LabelFormat = 0, "%.3g"
    legend.RangeLabelFormat = "%.3g"
    shown.SetScalarBarVisibility(view, True)


def flat(shown: Proxy, colour: list[float]) -> None:
    """One colour, not that of a field."""
    shown.ColorArrayName = [None, ""]
    shown.AmbientColor = shown.DiffuseColor = colour


def lift(shown: Proxy, height: float) -> None:
    """Bring what is drawn in the plane in front of what lies behind it."""
    if RUN["dim"] == 2:
        name = "Translation" if "Translation" in shown.ListProperties() else "Position"  # older ParaView
        setattr(shown, name, [0.0, 0.0, height * RUN["size"]])


def paths(view: Proxy, group: int) -> None:
    """The most probable escape paths of one noise."""
    mine = simple.Threshold(registrationName=f"paths {group}", Input=data("instantons.vtkhdf"))
    mine.Scalars = ["CELLS", "name"]
    mine.LowerThreshold, mine.UpperThreshold = group - 0.5, group + 0.5
    shown = simple.Show(tubes(f"escape paths {group}", simple.ExtractSurface(Input=mine), 0.004), view)
    flat(shown, RED)
    lift(shown, 0.002)


def tubes(name: str, lines: Proxy, radius: float) -> Proxy:
    """Lines as triangles: a software renderer leaves gaps in lines, and may leave out rendered tubes."""
    drawn = simple.Tube(registrationName=name, Input=simple.Clean(Input=lines))
    drawn.Radius, drawn.NumberofSides = radius * RUN["size"], 12
    return drawn


def marks(view: Proxy) -> None:
    """Attractors as dots with their numbers, saddles as boxes."""
    size = 0.013 * RUN["size"]
    for index, point in enumerate(RUN["attractors"]):
        dot = simple.Sphere(registrationName=f"attractor {index}", Center=point, Radius=size)
        dot.ThetaResolution = dot.PhiResolution = 24
        flat(simple.Show(dot, view), INK)
        label = simple.Text(registrationName=f"number {index}", Text=str(index))
        text = simple.Show(label, view)
        text.TextPropMode = "Billboard 3D Text"
        text.BillboardPosition = [point[0] + 1.6 * size, point[1] + 1.6 * size, point[2] + 2 * size]
        text.Color, text.FontSize, text.Bold = INK, 18, 1
    for index, point in enumerate(RUN["saddles"]):
        box = simple.Box(registrationName=f"saddle {index}", Center=point)
        box.XLength = box.YLength = box.ZLength = 1.8 * size
        flat(simple.Show(box, view), INK)


def ellipses(view: Proxy, noise: Entry) -> None:
    """Tensor glyphs of the square root of A, whose half-axes are those of xᵀA⁻¹x = const."""
    if not noise["tensors"]:
        return
    cloud, points, roots = vtk.vtkPolyData(), vtk.vtkPoints(), vtk.vtkDoubleArray()
    points.SetDataTypeToDouble()
    roots.SetName("root of A")
    roots.SetNumberOfComponents(9)
    for point, root in noise["tensors"]:
        points.InsertNextPoint(point)
        roots.InsertNextTuple(root)
    cloud.SetPoints(points)
    cloud.GetPointData().SetTensors(roots)
    source = simple.TrivialProducer(registrationName=noise["name"] + " A at points")
    source.GetClientSideObject().SetOutput(cloud)
    source.UpdatePipeline()
    glyphs = simple.TensorGlyph(
        registrationName=noise["name"] + " noise ellipses", Input=source, GlyphType="Sphere"
    )
    glyphs.Tensors = ["POINTS", "root of A"]
    glyphs.ExtractEigenvalues, glyphs.ColorGlyphs, glyphs.LimitScalingByEigenvalues = 1, 0, 0
    glyphs.ScaleFactor = RUN["ellipse_scale"]
    glyphs.GlyphType.Radius = 1.0
    glyphs.GlyphType.ThetaResolution = glyphs.GlyphType.PhiResolution = 32
    shown = simple.Show(glyphs, view)
    flat(shown, INK)
    shown.Opacity = 0.3
    lift(shown, 0.004)


def heading(view: Proxy, name: str) -> None:
    """The name of the noise above its view."""
    shown = simple.Show(simple.Text(registrationName=name + " heading", Text=name), view)
    shown.WindowLocation, shown.Color, shown.FontSize = "Upper Center", INK, 18


def camera(view: Proxy) -> None:
    """Look at the part of the domain that matters, from above or from aside."""
    view.AxesGrid.Visibility = 1
    for axis, name in zip("XYZ", [*RUN["coordinates"], "", ""], strict=False):
        setattr(view.AxesGrid, axis + "Title", name)
        for part in ("Title", "Label"):
            setattr(view.AxesGrid, f"{axis}{part}Color", INK)
    view.AxesGrid.GridColor = INK
    if RUN["dim"] == 2:
        view.AxesGrid.AxesToLabel = 3  # those at the lower ends of x and y
    low, high = RUN["window"]
    centre = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    view.CameraFocalPoint = centre
    if RUN["dim"] == 2:
        view.InteractionMode = "2D"
        view.CameraParallelProjection = 1
        view.CameraViewUp = [0.0, 1.0, 0.0]
        half = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
        scale = 1.3 * max(half[1], half[0] * VIEW[1] / VIEW[0])
        view.CameraParallelScale = scale
        view.CameraFocalPoint = [centre[0], centre[1] - 0.08 * scale, centre[2]]
        view.CameraPosition = [centre[0], centre[1] - 0.08 * scale, centre[2] + 10 * RUN["size"]]
    else:
        away = 2.1 * RUN["size"]
        view.CameraPosition = [centre[0] + 0.45 * away, centre[1] - 0.8 * away, centre[2] + 0.4 * away]
        view.CameraViewUp = [0.0, 0.0, 1.0]


def curves() -> Proxy:
    """V of all noises over the one coordinate."""
    view = simple.CreateView("XYChartView")
    view.BottomAxisTitle, view.LeftAxisTitle = RUN["coordinates"][0], RUN["noises"][0]["field"]
    view.LeftAxisUseCustomRange = 1
    view.LeftAxisRangeMinimum, view.LeftAxisRangeMaximum = 0.0, RUN["palette"][-4]
    low, high = RUN["window"]
    for noise in RUN["noises"]:
        line = simple.PlotOverLine(registrationName=noise["name"] + " curve", Input=data(noise["file"]))
        line.Point1, line.Point2, line.Resolution = low, high, 2000
        shown = simple.Show(line, view)
        shown.UseIndexForXAxis, shown.XArrayName = 0, "Points_X"
        shown.SeriesVisibility = [noise["field"]]
        shown.SeriesLabel = [noise["field"], noise["name"]]
        shown.SeriesColor = [noise["field"], *(str(part) for part in noise["colour"])]
        shown.SeriesLineThickness = [noise["field"], "3"]
    return view


main()
