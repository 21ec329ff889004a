"""Run by pvpython: open VTKHDF files and print, as JSON, what ParaView itself finds in them.

Its argument is a JSON file: {"probe": [{file, points, fields}], "lines": [file],
"picture": {file, field, image} or null}.
"""

import json
import sys

import vtk
from paraview import servermanager, simple
from vtkmodules.util.numpy_support import vtk_to_numpy


def fetch(file):
    reader = simple.OpenDataFile(file)
    reader.UpdatePipeline()
    return servermanager.Fetch(reader)


def probe(request):
    grid = fetch(request["file"])
    cloud, points = vtk.vtkPolyData(), vtk.vtkPoints()
    points.SetDataTypeToDouble()  # vtkPoints are single precision unless told
    for point in request["points"]:
        points.InsertNextPoint(point)
    cloud.SetPoints(points)
    probe = vtk.vtkProbeFilter()
    probe.SetSourceData(grid)
    probe.SetInputData(cloud)
    probe.Update()
    data = probe.GetOutput().GetPointData()
    result = {name: vtk_to_numpy(data.GetArray(name)).tolist() for name in request["fields"]}
    result["found"] = vtk_to_numpy(data.GetArray(probe.GetValidPointMaskArrayName())).tolist()
    result["cells"] = grid.GetNumberOfCells()
    return result


def lines(file):
    data = fetch(file)
    return {
        "type": data.GetClassName(),
        "sizes": [data.GetCell(i).GetNumberOfPoints() for i in range(data.GetNumberOfCells())],
        "points": [list(data.GetPoint(i)) for i in range(data.GetNumberOfPoints())],
        "arrays": {
            data.GetPointData().GetArrayName(i): vtk_to_numpy(data.GetPointData().GetArray(i)).tolist()
            for i in range(data.GetPointData().GetNumberOfArrays())
        },
        "cell_arrays": {
            data.GetCellData().GetArrayName(i): vtk_to_numpy(data.GetCellData().GetArray(i)).tolist()
            for i in range(data.GetCellData().GetNumberOfArrays())
        },
    }


def picture(request):
    view = simple.CreateView("RenderView")
    view.ViewSize = [800, 600]
    reader = simple.OpenDataFile(request["file"])
    display = simple.Show(reader, view)
    display.NonlinearSubdivisionLevel = 3
    simple.ColorBy(display, ("POINTS", request["field"]))
    display.RescaleTransferFunctionToDataRange(True)
    display.SetScalarBarVisibility(view, True)
    if request.get("paths"):
        paths = simple.Show(simple.OpenDataFile(request["paths"]), view)
        paths.ColorArrayName = [None, ""]
        paths.AmbientColor = paths.DiffuseColor = [0.0, 0.0, 0.0]
        paths.LineWidth = 3
    view.ResetCamera()
    simple.Render(view)
    simple.SaveScreenshot(request["image"], view)


with open(sys.argv[1]) as file:  # pvpython has no standard input
    request = json.load(file)
answer = {
    "probe": [probe(one) for one in request.get("probe", [])],
    "lines": [lines(file) for file in request.get("lines", [])],
}
if request.get("picture"):
    picture(request["picture"])
print("ANSWER" + json.dumps(answer))
