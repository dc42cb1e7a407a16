"""The bony thorax: ribs, clavicles, spine, scapulae, humeral heads."""

from __future__ import annotations

import numpy as np

from clinjup.imaging.synthetic.anatomy import Anatomy, Field, Pose, Thorax, bell, ramp


def bones(u: Field, v: Field, chest: Thorax, anatomy: Anatomy, pose: Pose) -> Field:
    """Added attenuation of all bones, [H, W]."""
    sideways = np.abs(u)
    return (
        ribs(u, v, sideways, chest, anatomy, pose)
        + spine(u, v, sideways, anatomy)
        + girdle(u, v, sideways, anatomy, pose)
    )


def ribs(u: Field, v: Field, sideways: Field, chest: Thorax, anatomy: Anatomy, pose: Pose) -> Field:
    """Posterior and anterior arcs as two phase fields: a rib lies wherever its phase is a whole number."""
    s = np.minimum(sideways * np.float32(1 / anatomy.width), 1)
    squeezed = v - np.float32(0.10) * (v - np.float32(0.2)) * np.abs(v - np.float32(0.2))
    bend = np.sqrt(np.float32(1.03) - s * s)
    slope, spacing = np.float32(anatomy.rib_slope), np.float32(1 / anatomy.rib_spacing)
    start = np.float32(anatomy.rib_phase)
    posterior = (
        squeezed + slope * (np.float32(0.17) * bend - np.float32(0.10) * s + np.float32(0.02))
    ) * spacing + start
    front = s + np.float32(pose.turn) * np.sign(u)
    anterior = (squeezed - slope * (np.float32(0.34) * bend + np.float32(0.10) * (1 - front))) * spacing
    anterior += start - np.float32(0.25)
    cage = ramp(chest.depth + np.float32(0.035), 0.02) * ramp(v - np.float32(chest.top), 0.05)
    cage *= np.float32(0.4) + np.float32(0.6) * ramp(chest.diaphragm, 0.04)
    back = _profile(posterior) * ramp(s - np.float32(0.08), 0.08)
    fore = _profile(anterior) * ramp(s - np.float32(0.42), 0.12) * ramp(v - np.float32(chest.top + 0.15), 0.08)
    return np.float32(0.075 * anatomy.rib_contrast) * (back + np.float32(0.62) * fore) * cage


def _profile(phase: Field) -> Field:
    """A band with brighter cortex at its edges at each whole number."""
    band = ramp(np.cos(np.float32(2 * np.pi) * phase) - np.float32(0.12), 0.30)
    return band + np.float32(1.4) * band * (1 - band)


def spine(u: Field, v: Field, sideways: Field, anatomy: Anatomy) -> Field:
    """Vertebral bodies between discs, with pedicles and spinous processes."""
    disc = 0.5 + 0.5 * np.cos(v[:, :1] * np.float32(2 * np.pi / 0.115) + np.float32(9 * anatomy.rib_phase))
    column = ramp(np.float32(0.088) - sideways, 0.022)
    pedicles = bell(sideways - np.float32(0.052), 0.012) * bell(disc - 1, 0.5)
    return column * (0.015 + 0.032 * disc) + np.float32(0.035) * pedicles + np.float32(0.025) * bell(u, 0.012) * disc


def girdle(u: Field, v: Field, sideways: Field, anatomy: Anatomy, pose: Pose) -> Field:
    """Clavicles, scapulae and humeral heads; all lie in the upper part of the film."""
    total = np.zeros_like(u)
    rows = slice(0, int(np.searchsorted(v.max(axis=1), 0.25)))
    sideways, v, sign = sideways[rows], v[rows], np.sign(u[rows])
    along = np.maximum((sideways - np.float32(0.06) + np.float32(pose.turn) * sign) / np.float32(0.80), 0)
    high = np.float32(anatomy.clavicle - (0.10 if pose.view == "AP" else 0.04))
    axis = high - np.float32(0.20) * along + np.float32(0.05) * np.sin(np.float32(5.2) * along)
    girth = np.float32(0.032) + np.float32(0.020) * np.square(along - np.float32(0.45))
    across = np.abs(v - axis) / girth
    collar = (0.085 * ramp(1 - across, 0.25) + 0.05 * bell(across - np.float32(0.85), 0.16)) * ramp(
        along - np.float32(0.02), 0.03
    )
    collar *= ramp(np.float32(0.98) - along, 0.04)

    inset = 0.07 if pose.view == "AP" else -0.05
    blade = sideways - np.float32(anatomy.width - inset) - np.float32(0.22) * (v + np.float32(0.35))
    blade += np.float32(0.30) * np.square(v + np.float32(0.25))
    scapula = (0.045 * ramp(blade, 0.02) + 0.035 * bell(blade, 0.012)) * ramp(v + np.float32(0.62), 0.12)
    scapula *= ramp(np.float32(0.06) - v, 0.12) * ramp(np.float32(0.34) - blade, 0.08)
    humerus = 0.13 * ramp(
        np.float32(0.14) - np.hypot(sideways - np.float32(1.04), np.float32(1.1) * (v + np.float32(0.58))), 0.03
    )
    total[rows] = collar + scapula + humerus
    return total
