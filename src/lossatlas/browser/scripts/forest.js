// The row of leaves, and the trees that follow from it, as pure functions on typed arrays.

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

// Decode n numbers of four bytes from `offset` on; the first bytes of all numbers stand together,
// then the second bytes, and so on.
function numbers(bytes, offset, n, Type) {
  const joined = new Uint8Array(4 * n)
  for (let plane = 0; plane < 4; plane++) {
    const from = offset + plane * n
    for (let k = 0; k < n; k++) joined[4 * k + plane] = bytes[from + k]
  }
  return new Type(joined.buffer)
}

// Returns {n, id, excess, gap, columns, weight, position}, with losses relative to the lowest one.
function unpack(bytes, names) {
  const n = bytes.length / (4 * (names.length + 3))
  const array = (k, Type) => numbers(bytes, 4 * n * k, n, Type)
  const columns = names.map((name, k) => ({name, values: array(k + 3, Float32Array)}))
  const row = {
    n, id: array(0, Int32Array), excess: array(1, Float32Array), gap: array(2, Float32Array),
    weight: new Int32Array(n).fill(1), position: Int32Array.from({length: n}, (_, k) => k),
  }
  const measures = branches(row)
  row.columns = [
    {name: "loss above the lowest", values: row.excess}, ...columns,
    {name: "barrier to a lower minimum", values: measures.depth},
    {name: "barrier to the lowest minimum", values: barriersFrom(row, lowestLeaf(row))},
  ]
  row.measures = measures
  return row
}

// Build a tree from the heights of the leaves and of the gaps to the right of them. The nodes are the
// leaves, followed by the nodes at which superbasins merge. Each node has a height, a parent (-1 for
// none), a first and a last leaf, and a trunk (its lowest leaf).
function build(height, gap) {
  const n = height.length, size = 2 * n
  const tree = {
    n, nodes: n, height: new Float64Array(size), parent: new Int32Array(size).fill(-1),
    first: new Int32Array(size), last: new Int32Array(size), trunk: new Int32Array(size),
  }
  tree.height.set(height)
  for (let k = 0; k < n; k++) tree.first[k] = tree.last[k] = tree.trunk[k] = k
  const open = []
  const attach = (below, above) => {
    tree.parent[below] = above
    tree.last[above] = tree.last[below]
    if (height[tree.trunk[below]] < height[tree.trunk[above]]) tree.trunk[above] = tree.trunk[below]
  }
  for (let k = 0; k < n; k++) {
    let below = k
    while (open.length && tree.height[open[open.length - 1]] < gap[k]) {
      const node = open.pop()
      attach(below, node)
      below = node
    }
    if (k === n - 1 || gap[k] === Infinity) continue
    if (!open.length || tree.height[open[open.length - 1]] > gap[k]) {
      const node = tree.nodes++
      tree.height[node] = gap[k]
      tree.first[node] = tree.first[below]
      tree.trunk[node] = tree.trunk[below]
      open.push(node)
    }
    attach(below, open[open.length - 1])
  }
  return tree
}

// For every leaf, the branch that ends in it: its depth above the leaf, its number of leaves, and
// the leaf whose branch it joins (-1 for none).
function branches(row) {
  const tree = build(row.excess, row.gap), n = row.n
  const depth = new Float32Array(n).fill(Infinity), leaves = new Int32Array(n)
  const joins = new Int32Array(n).fill(-1)
  for (let node = 0; node < tree.nodes; node++) {
    const above = tree.parent[node], leaf = tree.trunk[node]
    if (above >= 0 && tree.trunk[above] === leaf) continue
    leaves[leaf] = tree.last[node] - tree.first[node] + 1
    if (above < 0) continue
    depth[leaf] = tree.height[above] - row.excess[leaf]
    joins[leaf] = tree.trunk[above]
  }
  return {depth, leaves, joins}
}

// The row without branches that are too shallow or have too few minima. Minima that are cut off are
// counted at the branch from which they were cut.
function filtered(row, least, smallest) {
  const {depth, leaves, joins} = row.measures
  const keeps = (k) => joins[k] < 0 || (depth[k] >= least && leaves[k] >= smallest)
  const kept = row.position.filter(keeps)
  if (kept.length === row.n) return row
  const holder = Int32Array.from({length: row.n}, (_, k) => (keeps(k) ? k : joins[k]))
  const place = new Int32Array(row.n).fill(-1)
  kept.forEach((k, at) => { place[k] = at })
  const weight = new Int32Array(kept.length)
  for (let k = 0; k < row.n; k++) {
    let at = k
    while (!keeps(at)) at = holder[at]
    for (let on = k; on !== at;) { const next = holder[on]; holder[on] = at; on = next }
    weight[place[at]]++
  }
  const gap = new Float32Array(kept.length).fill(Infinity)
  for (let at = 0; at + 1 < kept.length; at++) gap[at] = highestGap(row, kept[at], kept[at + 1])
  const take = (values) => values.constructor.from(kept, (k) => values[k])
  return {
    n: kept.length, id: take(row.id), excess: take(row.excess), gap, weight,
    position: take(row.position), columns: row.columns.map(
      ({name, values}) => ({name, values: take(values)})),
  }
}

function lowestLeaf(row) {
  let best = 0
  for (let k = 1; k < row.n; k++) {
    const lower = row.excess[k] < row.excess[best]
    if (lower || (row.excess[k] === row.excess[best] && row.id[k] < row.id[best])) best = k
  }
  return best
}

function highestGap(row, a, b) {
  let highest = -Infinity
  for (let k = Math.min(a, b); k < Math.max(a, b); k++) highest = Math.max(highest, row.gap[k])
  return highest
}

// The barrier from every leaf on the lowest path to one of the leaves.
function barriersFrom(row, leaf) {
  const barrier = new Float32Array(row.n)
  for (const step of [-1, 1]) {
    let highest = -Infinity
    for (let k = leaf + step; k >= 0 && k < row.n; k += step) {
      highest = Math.max(highest, row.gap[step > 0 ? k - 1 : k])
      barrier[k] = highest - row.excess[k]
    }
  }
  return barrier
}

// The superbasins below a height, measured from the lowest loss, and the minima in them.
function superbasins(row, height) {
  let basins = 0, minima = 0, inside = false
  for (let k = 0; k < row.n; k++) {
    if (row.excess[k] <= height) {
      minima += row.weight[k]
      if (!inside) basins++
      inside = true
    }
    if (row.gap[k] > height) inside = false
  }
  return {basins, minima}
}
