"""The camera: where the eye is, and the direction of each pixel's ray."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import inlined, inner

FIELD_OF_VIEW = 70.0  # degrees, from the lower to the upper edge

# Fields of a camera, float64.
(EYE_X, EYE_Y, EYE_Z, SIN_YAW, COS_YAW, SIN_PITCH, COS_PITCH, PIXEL_SIZE, HALF_WIDTH, HALF_HEIGHT) = range(10)
CAMERA_FIELDS = 10


@inlined
def ray(camera, row, column):
    """Return the direction of a pixel's ray, with a forward part of 1; times `units`, of length 1."""
    u = (column + 0.5 - camera[HALF_WIDTH]) * camera[PIXEL_SIZE]
    v = (camera[HALF_HEIGHT] - row - 0.5) * camera[PIXEL_SIZE]
    flat = camera[COS_PITCH] + v * camera[SIN_PITCH]
    return (
        camera[SIN_YAW] * flat + camera[COS_YAW] * u,
        camera[COS_YAW] * flat - camera[SIN_YAW] * u,
        v * camera[COS_PITCH] - camera[SIN_PITCH],
    )


@inlined
def row_ray(camera, row):
    """Return the direction of a row's middle: east, north, up; (COS_YAW, -SIN_YAW, 0) times `across` leads aside."""
    v = (camera[HALF_HEIGHT] - row - 0.5) * camera[PIXEL_SIZE]
    flat = camera[COS_PITCH] + v * camera[SIN_PITCH]
    return camera[SIN_YAW] * flat, camera[COS_YAW] * flat, v * camera[COS_PITCH] - camera[SIN_PITCH]


@inner
def set_rays(camera, units, rays):
    """Write the direction of each pixel's ray, of length 1: `rays` (3, H, W), east, north, up."""
    middle, pixel, east, north = camera[HALF_WIDTH], camera[PIXEL_SIZE], camera[COS_YAW], camera[SIN_YAW]
    for row in range(units.shape[0]):
        aim_x, aim_y, aim_z = row_ray(camera, row)
        unit, dx, dy, dz = units[row], rays[0, row], rays[1, row], rays[2, row]
        for column in range(units.shape[1]):
            across = (column + 0.5 - middle) * pixel
            dx[column] = (aim_x + east * across) * unit[column]
            dy[column] = (aim_y - north * across) * unit[column]
            dz[column] = aim_z * unit[column]


@inner
def set_camera(camera, body, marks, height, width):
    """Write the eye's place and the picture's frame into `camera`."""
    yaw, pitch = np.radians(body[s.YAW]), np.radians(body[s.PITCH])
    camera[EYE_X], camera[EYE_Y], camera[EYE_Z] = body[s.X], body[s.Y], body[s.Z] + s.eye_height(marks)
    camera[SIN_YAW], camera[COS_YAW], camera[SIN_PITCH], camera[COS_PITCH] = (
        np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch))  # fmt: skip
    camera[PIXEL_SIZE] = 2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)) / height
    camera[HALF_WIDTH], camera[HALF_HEIGHT] = 0.5 * width, 0.5 * height
