"""Writes junction.fcd.xml: one minute of cars at a junction with traffic lights, as floating car data of SUMO.

Run `python scenarios/traces/make_junction.py` for the same file again; it needs nothing but Python. The cars follow the
intelligent driver model (M. Treiber, A. Hennecke, D. Helbing, "Congested traffic states in empirical observations and
microscopic simulations", Physical Review E 62, 1805, 2000, equations 1 to 3):

    dv/dt = a · [1 − (v/v0)^4 − (s*/s)^2],    s* = s0 + max(0, v·T + v·Δv / (2·sqrt(a·b)))

with the gap s to the car in front, or to the stop line of a light that is not green. Two roads with one lane in each
direction cross at (200, 200); cars go straight on or turn right, so that no way crosses another in one phase.
SUMO itself was not used.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path

OUT = Path(__file__).with_name("junction.fcd.xml")
CENTRE_M, ARM_M, LANE_M, BOX_M, RIGHT_M = 200.0, 150.0, 1.75, 10.0, 8.25
STEP_S, EVERY, DURATION_S, MEAN_GAP_S = 0.1, 5, 60.0, 7.5
CYCLE_S, GREEN_S = 36.0, 14.0
SPEED_MPS, HEADWAY_S, STANDING_M, ACCELERATION, BRAKING, LENGTH_M = 13.89, 1.2, 2.0, 1.8, 2.5, 4.5
HEADINGS = {"north": (0.0, -1.0), "south": (0.0, 1.0), "east": (-1.0, 0.0), "west": (1.0, 0.0)}
"""Arm on which a car comes, and its heading there."""
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}
ARM_ON_THE_RIGHT = {"north": "west", "west": "south", "south": "east", "east": "north"}


@dataclass
class Car:
    """A car on its way; `way_m` is what its front bumper has covered."""

    name: str
    arm: str
    right: bool
    way_m: float = 0.0
    speed_mps: float = SPEED_MPS

    @property
    def inside_m(self) -> float:
        """Length of its way between the two arms."""
        return RIGHT_M * math.pi / 2 if self.right else 2 * BOX_M

    @property
    def exit_arm(self) -> str:
        """Arm on which it leaves."""
        return ARM_ON_THE_RIGHT[self.arm] if self.right else OPPOSITE[self.arm]

    @property
    def beyond_m(self) -> float:
        """Way since it reached the arm on which it leaves; negative before."""
        return self.way_m - ARM_M - self.inside_m


def place(car: Car) -> tuple[float, float, float, str, float]:
    """Coordinates, angle clockwise from north in degrees, lane and place on it of a car."""
    hx, hy = HEADINGS[car.arm]
    rx, ry = hy, -hx  # to its right
    if car.way_m <= ARM_M:
        along, across, turned = car.way_m - ARM_M - BOX_M, LANE_M, 0.0
        lane, pos = f"{car.arm}_in_0", car.way_m
    elif car.beyond_m >= 0:
        lane, pos = f"{car.exit_arm}_out_0", car.beyond_m
        along, across, turned = (-LANE_M, BOX_M + pos, 90.0) if car.right else (BOX_M + pos, LANE_M, 0.0)
    else:
        pos = car.way_m - ARM_M
        lane = f":centre_{car.arm}_{int(car.right)}_0"
        turned = math.degrees(pos / RIGHT_M) if car.right else 0.0
        angle = math.radians(turned)
        bend = (-BOX_M + RIGHT_M * math.sin(angle), LANE_M + RIGHT_M * (1 - math.cos(angle)))
        along, across = bend if car.right else (pos - BOX_M, LANE_M)
    x_m, y_m = CENTRE_M + along * hx + across * rx, CENTRE_M + along * hy + across * ry
    return x_m, y_m, (math.degrees(math.atan2(hx, hy)) + turned) % 360, lane, pos


def may_go(arm: str, now_s: float) -> bool:
    """Whether the light of an arm is green; north and south come first."""
    phase_s = now_s % CYCLE_S
    start_s = 0.0 if arm in ("north", "south") else CYCLE_S / 2
    return start_s <= phase_s < start_s + GREEN_S


def obstacle(car: Car, cars: list[Car], now_s: float) -> tuple[float, float]:
    """Gap to what is next in front of a car, and its speed."""
    found = [(math.inf, car.speed_mps)]
    for other in cars:
        if other.arm == car.arm and other.way_m > car.way_m:
            found.append((other.way_m - car.way_m - LENGTH_M, other.speed_mps))
        elif other.arm != car.arm and other.exit_arm == car.exit_arm and 0 <= other.beyond_m > car.beyond_m:
            found.append((other.beyond_m - car.beyond_m - LENGTH_M, other.speed_mps))
    to_line_m = ARM_M - car.way_m
    can_stop = car.speed_mps**2 / (2 * 2 * BRAKING) < to_line_m
    if to_line_m > 0 and not may_go(car.arm, now_s) and can_stop:
        found.append((to_line_m + STANDING_M - 0.5, 0.0))
    return min(found)


def accelerate(car: Car, gap_m: float, front_mps: float) -> float:
    """Acceleration of the intelligent driver model."""
    v = car.speed_mps
    wanted_m = STANDING_M + max(0.0, v * HEADWAY_S + v * (v - front_mps) / (2 * math.sqrt(ACCELERATION * BRAKING)))
    return ACCELERATION * (1 - (v / SPEED_MPS) ** 4 - (wanted_m / max(gap_m, 0.1)) ** 2)


def main() -> None:
    """Drive and write."""
    rng = random.Random(20)
    next_s = {arm: rng.expovariate(1 / MEAN_GAP_S) - 8.0 for arm in HEADINGS}
    cars: list[Car] = []
    count = 0
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<!-- One minute of cars at a junction with traffic lights, in the format of SUMO's floating car data.",
        "     Made by make_junction.py in this folder (intelligent driver model, Treiber, Hennecke, Helbing 2000);",
        "     SUMO itself was not used. The junction is at x = 200 m, y = 200 m. -->",
        "<fcd-export>",
    ]
    for step in range(round(DURATION_S / STEP_S) + 1):
        now_s = step * STEP_S
        for arm in HEADINGS:
            last_m = min((car.way_m for car in cars if car.arm == arm), default=math.inf)
            if now_s >= next_s[arm] and last_m > LENGTH_M + 12.0:
                cars.append(Car(f"{arm}.{count}", arm, rng.random() < 0.3, speed_mps=min(SPEED_MPS, last_m / 2.5)))
                count += 1
                next_s[arm] = now_s + rng.expovariate(1 / MEAN_GAP_S)
        if step % EVERY == 0:
            lines.append(f'    <timestep time="{now_s:.2f}">')
            for car in cars:
                x_m, y_m, angle, lane, pos = place(car)
                lines.append(
                    f'        <vehicle id="{car.name}" x="{x_m:.2f}" y="{y_m:.2f}" angle="{angle:.2f}" type="car" '
                    f'speed="{car.speed_mps:.2f}" pos="{pos:.2f}" lane="{lane}" slope="0.00"/>'
                )
            lines.append("    </timestep>")
        pushes = [accelerate(car, *obstacle(car, cars, now_s)) for car in cars]
        for car, push in zip(cars, pushes, strict=True):
            before_mps = car.speed_mps
            car.speed_mps = max(0.0, before_mps + push * STEP_S)
            car.way_m += (before_mps + car.speed_mps) / 2 * STEP_S
        cars = [car for car in cars if car.beyond_m < ARM_M]
    lines.append("</fcd-export>")
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
