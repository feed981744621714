"""Insert a point into a tree, forget a leaf.

Both leave the tree distributed as one drawn afresh on the new sample (Guha, Mishra, Roy, Schrijvers, "Robust
Random Cut Forest Based Anomaly Detection on Streams", ICML 2016, algorithms 1 and 2).

                 G                          G
                 │                          │
    insert x     N         ──────▶          P          <────── a new cut between x and the box of N
    at N       ┌─┴─┐                      ┌─┴─┐
               …   …       ◀──────        N   x
                           forget x     ┌─┴─┐
"""

from typing import Any

from .arrays import (
    AXIS,
    CHILD,
    CUT,
    FREE_LEAF,
    FREE_NODE,
    LEAVES,
    MASS,
    PARENT,
    PATH,
    ROOT,
    SPAN,
    Tree,
    box_at,
    child_of,
    point_at,
    scratch_at,
    single,
)
from .compiling import part
from .cutting import differ, hull, outside, separating_cut
from .reservoir import Reservoir, put_entry, worst_entry, worst_slot
from .streams import PLACE, WHERE, uniform


@part
def _hang(tree: Tree, node: int, parent: int, instead_of: int) -> None:
    """Hang a node under a parent where another hung; the root hangs under itself."""
    tree.ids[PARENT * tree.samples + node] = parent
    if tree.ids[single(tree, ROOT)] == instead_of:
        tree.ids[single(tree, ROOT)] = node
        tree.ids[PARENT * tree.samples + node] = node
    else:
        right = tree.ids[2 * parent + 1] == instead_of
        tree.ids[2 * parent + right] = node


@part
def _new_leaf(tree: Tree, points: Any, x: int) -> int:
    leaf = tree.ids[single(tree, FREE_LEAF)]
    tree.ids[single(tree, FREE_LEAF)] = tree.ids[(PARENT + 1) * tree.samples + leaf]
    tree.ids[single(tree, LEAVES)] += 1
    tree.ids[MASS * tree.samples + leaf] = 1
    at = point_at(tree, leaf)
    for i in range(tree.coordinates):
        tree.numbers[at + i] = points[x + i]
    return leaf


@part
def _splice(tree: Tree, node: int, low: int, high: int, points: Any, x: int, offset: float) -> int:
    """Put a new inner node over `node`, whose box is given, with the point as its other child."""
    samples, coordinates, numbers, ids = tree.samples, tree.coordinates, tree.numbers, tree.ids
    axis, cut = separating_cut(numbers, low, high, points, x, coordinates, offset)
    leaf = _new_leaf(tree, points, x)
    top = ids[single(tree, FREE_NODE)]
    ids[single(tree, FREE_NODE)] = ids[CHILD * samples + 2 * top]
    _hang(tree, top, ids[PARENT * samples + node], node)
    right = int(points[x + axis] > cut)
    ids[AXIS * samples + top], numbers[CUT * samples + top] = axis, cut
    ids[CHILD * samples + 2 * top + right] = samples + leaf
    ids[CHILD * samples + 2 * top + 1 - right] = node
    ids[PARENT * samples + samples + leaf] = ids[PARENT * samples + node] = top
    box = box_at(tree, top)
    _, numbers[SPAN * samples + top] = hull(numbers, box, low, high, points, x, x, coordinates)
    return leaf


@part
def find(tree: Tree, points: Any, x: int) -> int:
    """The id of the leaf that the cuts lead the point at x to."""
    node = int(tree.ids[single(tree, ROOT)])
    while node < tree.samples:
        node = child_of(tree, points, x, node)
    return node


@part
def insert(tree: Tree, points: Any, x: int, place: float, where: float, node: int) -> int:
    """Add the point that starts at x, given the id of the leaf that the cuts lead it to; returns its own leaf.

    A fresh cut of the extended box of a node separates point and box with probability p = outside / (outside
    + span). Instead of drawing at every node on the way down, one number picks the node: the first where the
    probability of having come past it, the product of all 1 - p so far, falls below `place`. Above the boxes that the
    point is outside of, p is 0. `place` and `where` are uniform numbers.
    """
    samples, coordinates, numbers, ids = tree.samples, tree.coordinates, tree.numbers, tree.ids
    if ids[single(tree, LEAVES)] == 0:
        leaf = _new_leaf(tree, points, x)
        ids[single(tree, ROOT)] = samples + leaf
        return leaf
    leaf, root = node - samples, ids[single(tree, ROOT)]
    same, gaps, path, above = point_at(tree, leaf), scratch_at(tree), PATH * samples, 0
    if not differ(numbers, same, points, x, coordinates):
        ids[MASS * samples + leaf] += 1
        return leaf
    up = node
    while up != root:
        up = int(ids[PARENT * samples + up])
        low = box_at(tree, up)
        beyond = outside(numbers, low, low + coordinates, points, x, coordinates)
        if beyond == 0.0:
            break
        numbers[gaps + above], ids[path + above] = beyond, up
        above += 1
    passed = 1.0
    while above > 0:
        above -= 1
        top, beyond = int(ids[path + above]), numbers[gaps + above]
        low, sides = box_at(tree, top), numbers[SPAN * samples + top]
        passed *= sides / (sides + beyond)
        if passed < place:
            return _splice(tree, top, low, low + coordinates, points, x, beyond * where)
        _, numbers[SPAN * samples + top] = hull(numbers, low, low, low + coordinates, points, x, x, coordinates)
    beyond = outside(numbers, same, same, points, x, coordinates)
    return _splice(tree, node, same, same, points, x, beyond * where)


@part
def _box_of_any(tree: Tree, node: int) -> tuple[int, int]:
    """Where low and high coordinates start, of an inner node or a leaf."""
    if node < tree.samples:
        low = box_at(tree, node)
        return low, low + tree.coordinates
    low = point_at(tree, node - tree.samples)
    return low, low


@part
def join_boxes(tree: Tree, node: int) -> bool:
    """Make the box of an inner node the hull of its children's; whether that changed it."""
    samples, numbers = tree.samples, tree.numbers
    left_low, left_high = _box_of_any(tree, tree.ids[CHILD * samples + 2 * node])
    right_low, right_high = _box_of_any(tree, tree.ids[CHILD * samples + 2 * node + 1])
    changed, numbers[SPAN * samples + node] = hull(
        numbers, box_at(tree, node), left_low, left_high, numbers, right_low, right_high, tree.coordinates
    )
    return changed


@part
def forget(tree: Tree, leaf: int) -> None:
    """Take one record from a leaf, and the leaf from the tree when that was its last.

    The boxes above shrink, up to the first that does not: it still has the gone point strictly inside,
    and so have those above it.
    """
    samples, ids = tree.samples, tree.ids
    ids[MASS * samples + leaf] -= 1
    if ids[MASS * samples + leaf] > 0:
        return
    gone = samples + leaf
    ids[single(tree, LEAVES)] -= 1
    if ids[single(tree, LEAVES)] > 0:
        top = ids[PARENT * samples + gone]
        left, right = ids[CHILD * samples + 2 * top], ids[CHILD * samples + 2 * top + 1]
        sibling = right if left == gone else left
        above = ids[PARENT * samples + top]
        is_root = ids[single(tree, ROOT)] == top
        _hang(tree, sibling, above, top)
        ids[CHILD * samples + 2 * top] = ids[single(tree, FREE_NODE)]
        ids[single(tree, FREE_NODE)] = top
        if not is_root:
            while join_boxes(tree, above) and above != ids[single(tree, ROOT)]:
                above = ids[PARENT * samples + above]
    ids[PARENT * samples + gone] = ids[single(tree, FREE_LEAF)]
    ids[single(tree, FREE_LEAF)] = leaf


@part
def take(tree: Tree, sample: Reservoir, number: int, priority: float, points: Any, x: int, leaf: int) -> None:
    """Add a record that the sample accepts, the point at `x`; the cuts lead it to the leaf of id `leaf`, if not -1."""
    slot, samples = number, tree.samples
    if number >= sample.samples:
        slot = worst_slot(sample)
        gone = int(worst_entry(sample))
        forget(tree, gone)
        if samples + gone == leaf:
            leaf = -1
    leaf = find(tree, points, x) if leaf < 0 else leaf
    place, where = uniform(sample.start, number, PLACE), uniform(sample.start, number, WHERE)
    put_entry(sample, slot, priority, number, insert(tree, points, x, place, where, leaf))
