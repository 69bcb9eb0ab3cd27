// The lines of a tree that are visible in a window. A subtree that is narrower than a cell of pixels
// becomes one line, and of several lines in the same cells only one is drawn. Browsers without a
// graphics card draw about ten thousand lines in the time of a frame, so cells are wider than one
// pixel if there are many lines.

const FEW_LINES = 3000 // so many are drawn as they are
const CELL = 2 // pixels
const SLANT_CELL = 5 // pixels, of the lines between trunks: together they are a gray area

// view: {left, right, low, high (of the window), pixelWidth, pixelHeight, spacing (of levels),
// ceiling (where unconnected trunks end)}; the answer: {trunks, slants, leaves} as lists of lines.
function linesIn(tree, counts, view) {
  const cell = tree.nodes > FEW_LINES ? CELL : 1
  const wide = cell * (view.right - view.left) / view.pixelWidth
  const tall = (view.high - view.low) / view.pixelHeight
  const lines = {
    tall, wide, cell, leaves: drops(), trunks: drops(), slants: {x0: [], y0: [], x1: [], y1: []},
  }
  const seen = tree.nodes > FEW_LINES ? new Set() : null
  for (let node = 0; node < tree.nodes; node++) {
    const above = tree.parent[node]
    if (above >= 0 && tree.last[above] - tree.first[above] + 1 < wide) continue
    addNode(tree, counts, view, lines, node, seen)
  }
  lines.leaves = exposed(lines.leaves, view, wide, cell * tall)
  lines.trunks = exposed(lines.trunks, view, wide, cell * tall)
  return lines
}

const drops = () => ({x: [], top: [], bottom: [], leaf: [], count: []})

function addNode(tree, counts, view, lines, node, seen) {
  const above = tree.parent[node]
  const x = tree.trunk[node], xAbove = above >= 0 ? tree.trunk[above] : x
  if (Math.max(x, xAbove) < view.left || Math.min(x, xAbove) > view.right) return
  const isLeaf = node < tree.n
  const size = tree.last[node] - tree.first[node] + 1
  const collapsed = !isLeaf && size < lines.wide
  const ends = isLeaf || collapsed
  const bottom = ends ? tree.height[tree.trunk[node]] : tree.height[node]
  const yAbove = above >= 0 ? tree.height[above] : view.ceiling
  let fall = Math.min(view.spacing, yAbove - tree.height[node])
  if (ends) fall = Math.min(fall, (yAbove - bottom) / 2)
  const shoulder = x === xAbove ? yAbove : yAbove - fall
  if (x !== xAbove) addSlant(lines, view, seen, clipped(xAbove, yAbove, x, shoulder, view))
  if (x < view.left || x > view.right || shoulder < view.low || bottom > view.high) return
  const group = ends ? lines.leaves : lines.trunks
  group.x.push(x)
  group.top.push(ends ? Math.max(shoulder, bottom + lines.tall) : shoulder)
  group.bottom.push(bottom)
  group.leaf.push(x)
  group.count.push(counts[tree.last[node] + 1] - counts[tree.first[node]])
}

function addSlant(lines, view, seen, [x0, y0, x1, y1]) {
  if (Math.max(y0, y1) < view.low || Math.min(y0, y1) > view.high) return
  if (!isNew(seen, lines, view, x0, y0, x1, y1)) return
  lines.slants.x0.push(x0)
  lines.slants.y0.push(y0)
  lines.slants.x1.push(x1)
  lines.slants.y1.push(y1)
}

// The part of a line that is inside of the window.
function clipped(x0, y0, x1, y1, {left, right}) {
  const at = (x) => y0 + (y1 - y0) * (x - x0) / (x1 - x0)
  const inside = (x) => Math.max(left, Math.min(right, x))
  const [a, b] = [inside(x0), inside(x1)]
  return [a, a === x0 ? y0 : at(a), b, b === x1 ? y1 : at(b)]
}

// Whether no line between the same pixels was drawn before.
function isNew(seen, lines, view, x0, y0, x1, y1) {
  if (!seen) return true
  const cells = 1 << 13
  const cell = (value, from, size) =>
    Math.max(0, Math.min(cells - 1, Math.floor((value - from) / size)))
  const wide = SLANT_CELL / CELL * lines.wide, tall = SLANT_CELL * lines.tall
  let key = cell(x0, view.left, wide)
  key = key * cells + cell(y0, view.low, tall)
  key = key * cells + cell(x1, view.left, wide)
  key = key * cells + cell(y1, view.low, tall)
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

// The vertical lines in one column of pixels that are not hidden by a deeper line that begins at
// least as high.
function exposed(group, view, wide, tall) {
  const total = group.x.length
  if (total <= FEW_LINES) return deepestLast(group, Array.from(group.x.keys()))
  const columns = Math.ceil(view.pixelWidth) + 2, rows = Math.ceil(view.pixelHeight) + 2
  const deepest = new Int32Array(columns * rows).fill(-1)
  const hide = (hidden, by) => { group.count[by] += group.count[hidden] }
  for (let k = 0; k < total; k++) {
    const column = clamp(Math.floor((group.x[k] - view.left) / wide), columns)
    const place = column * rows + clamp(Math.floor((group.top[k] - view.low) / tall), rows)
    const other = deepest[place]
    if (other < 0 || group.bottom[k] < group.bottom[other]) {
      if (other >= 0) hide(other, k)
      deepest[place] = k
    } else hide(k, other)
  }
  const shown = []
  for (let column = 0; column < columns; column++) {
    let hider = -1
    for (let place = (column + 1) * rows - 1; place >= column * rows; place--) {
      const k = deepest[place]
      if (k < 0) continue
      if (hider < 0 || group.bottom[k] < group.bottom[hider]) {
        shown.push(k)
        hider = k
      } else hide(k, hider)
    }
  }
  return deepestLast(group, shown)
}

const clamp = (value, size) => Math.max(0, Math.min(size - 1, value))

function deepestLast(group, shown) {
  shown.sort((a, b) => group.bottom[b] - group.bottom[a])
  const sorted = {}
  for (const name of Object.keys(group)) sorted[name] = shown.map((k) => group[name][k])
  return sorted
}
