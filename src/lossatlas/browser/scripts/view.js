// The connection of data, controls and figure. A document has one view, which starts when the
// document is ready.

const MARGIN = 0.3 // so much beyond the window is drawn ahead, in widths of the window
const NEAR = 12 // pixels within which a click means a line
const LIGHT = {paper: "#ffffff", ink: "#333333", trunk: "#a6a6a6", plain: "#2b3a55"}
const DARK = {paper: "#16181d", ink: "#d8d8d8", trunk: "#6f7480", plain: "#b7c4de"}

let view = null

export default async (args, event) => {
  if (view === null) view = start(args)
  const running = await view
  if (event && event.event_name === "tap") running.tap(event)
}

async function start(args) {
  const state = {all: null, row: null, tree: null, window: null, chosen: [], frame: 0}
  const act = {
    load: () => load(args, state),
    rebuild: () => rebuild(args, state),
    redraw: () => redraw(args, state),
    tap: (event) => tap(args, state, event),
  }
  listen(args, state, act)
  await act.load()
  globalThis.lossatlas = {args, state, act, build, linesIn, superbasins, filtered}
  document.documentElement.dataset.lossatlas = "ready"
  return act
}

function listen(args, state, act) {
  const {plot, data, controls} = args
  const soon = () => {
    if (!state.frame) state.frame = requestAnimationFrame(() => { state.frame = 0; moved(args, state) })
  }
  for (const range of [plot.x_range, plot.y_range]) {
    range.properties.start.change.connect(soon)
    range.properties.end.change.connect(soon)
  }
  plot.properties.inner_width.change.connect(soon)
  plot.properties.inner_height.change.connect(soon)
  data.properties.packed.change.connect(act.load)
  controls.color.properties.value.change.connect(() => { recolor(args, state); act.redraw() })
  for (const name of ["merging", "scale"]) {
    controls[name].properties.value.change.connect(() => { act.rebuild(); home(args, state) })
  }
  for (const name of ["least", "smallest"]) {
    controls[name].properties.value.change.connect(() => { act.rebuild(); home(args, state) })
  }
  controls.threshold.properties.value.change.connect(() => threshold(args, state))
  controls.search.properties.value.change.connect(() => search(args, state))
  document.addEventListener("keydown", (event) => key(args, state, event))
  const dark = matchMedia("(prefers-color-scheme: dark)")
  dark.addEventListener("change", () => { paint(args, dark.matches); act.redraw() })
  paint(args, dark.matches)
}

async function load(args, state) {
  const {data} = args, first = state.all === null
  const ids = state.chosen.map((p) => state.all.id[p])
  state.all = unpack(await inflate(data.packed), data.names)
  state.chosen = ids.map((id) => state.all.id.indexOf(id)).filter((p) => p >= 0)
  rebuild(args, state)
  if (first) home(args, state)
  threshold(args, state)
  describe(args, state)
}

// The tree that the controls specify.
function rebuild(args, state) {
  const {controls, data} = args
  const span = Math.max(data.top - data.lowest, 0) || 1
  const least = Math.min(controls.least.value, 100) / 100 * span
  const row = state.row = filtered(state.all, least, controls.smallest.value ?? 1)
  const scale = state.scale = axisOf(row, data, controls.scale.value)
  const height = Float64Array.from(row.excess, scale.height)
  const gap = Float64Array.from(row.gap, (g) => (g === Infinity ? g : scale.height(g)))
  state.spacing = controls.merging.value === "levels" ? spacingOf(scale, data.levels) : 0
  if (state.spacing) for (let k = 0; k < gap.length; k++) gap[k] = level(gap[k], scale.top, state.spacing)
  state.tree = build(height, gap)
  state.counts = new Int32Array(row.n + 1)
  for (let k = 0; k < row.n; k++) state.counts[k + 1] = state.counts[k] + row.weight[k]
  let highest = scale.top
  for (let node = 0; node < state.tree.nodes; node++) highest = Math.max(highest, state.tree.height[node])
  if (scale.linear && data.axis.length) highest = Math.max(highest, data.axis[1])
  state.ceiling = highest + 0.03 * (scale.top - scale.low)
  recolor(args, state)
  redraw(args, state)
}

// Convert a loss, relative to the lowest one, to a position on the axis, and back.
function axisOf(row, data, kind) {
  if (kind !== "log") {
    const top = Math.max(data.top, data.lowest) , span = top - data.lowest || 1
    return {
      height: (excess) => data.lowest + excess, excess: (y) => y - data.lowest,
      low: data.lowest, top: data.lowest + span, label: data.quantity, linear: true,
    }
  }
  let least = Infinity
  for (const e of row.excess) if (e > 0 && e < least) least = e
  for (const g of row.gap) if (g > 0 && g < least) least = g
  const floor = least === Infinity ? -1 : Math.log10(least) - 0.3
  const top = Math.max(Math.log10(Math.max(data.top - data.lowest, 1e-300)), floor + 1)
  return {
    height: (excess) => (excess > 0 ? Math.max(Math.log10(excess), floor) : floor),
    excess: (y) => 10 ** y, low: floor, top,
    label: `log10(${data.quantity} - lowest)`,
  }
}

function spacingOf(scale, levels) {
  const spacing = (scale.top - scale.low) / (levels - 1)
  const unit = 10 ** Math.floor(Math.log10(spacing))
  return Math.ceil(spacing / unit * (1 - 1e-12)) * unit
}

function level(gap, first, spacing) {
  if (gap === Infinity) return gap
  // In single precision, a gap that lies on a level may be rounded to a value just above it.
  return first - Math.floor((first - gap) / spacing + 1e-6) * spacing
}

// Show the whole tree up to the highest loss that is legible.
function home(args, state) {
  const {plot} = args, {scale, row} = state
  const edge = 0.5 + 0.02 * row.n, span = scale.top - scale.low
  const [bottom, top] = scale.linear && args.data.axis.length ? args.data.axis : [scale.low, scale.top]
  const [low, high] = [bottom - 0.06 * (top - bottom || span), top + 0.03 * (top - bottom || span)]
  plot.x_range.setv({
    start: -edge, end: row.n - 1 + edge, reset_start: -edge, reset_end: row.n - 1 + edge,
  })
  plot.y_range.setv({start: low, end: high, reset_start: low, reset_end: high})
}

function moved(args, state) {
  const {x_range: x, y_range: y} = args.plot, seen = state.window
  if (!seen || !state.tree) return
  const zoomed = (now, then) => Math.abs(now / then - 1) > 0.02
  const inside = x.start >= seen.left && x.end <= seen.right && y.start >= seen.low && y.end <= seen.high
  const sized = args.plot.inner_width === seen.wide && args.plot.inner_height === seen.tall
  if (!inside || !sized || zoomed(x.end - x.start, seen.dx) || zoomed(y.end - y.start, seen.dy)) {
    redraw(args, state)
  }
}

function redraw(args, state) {
  const {plot, sources, glyphs} = args, {x_range: x, y_range: y} = plot
  const dx = x.end - x.start, dy = y.end - y.start
  const wide = plot.inner_width || 800, tall = plot.inner_height || 500
  state.window = {
    left: x.start - MARGIN * dx, right: x.end + MARGIN * dx, dx, dy, wide, tall,
    low: y.start - MARGIN * dy, high: y.end + MARGIN * dy,
    pixelWidth: (1 + 2 * MARGIN) * wide, pixelHeight: (1 + 2 * MARGIN) * tall,
    spacing: state.spacing, ceiling: state.ceiling,
  }
  const lines = state.lines = linesIn(state.tree, state.counts, state.window)
  const width = Math.max(0.7, Math.min(2.5, 0.5 * lines.cell / lines.wide))
  glyphs.leaves.line_width = width
  glyphs.trunks.line_width = glyphs.slants.line_width = 0.7 * width
  sources.slants.data = lines.slants
  sources.trunks.data = vertical(state.row, args.data, lines.trunks)
  sources.leaves.data = {
    ...vertical(state.row, args.data, lines.leaves), ...coloring(state, lines.leaves),
  }
  mark(args, state)
}

function vertical(row, data, {x, top, bottom, leaf, count}) {
  const loss = leaf.map((k) => data.lowest + row.excess[k])
  const id = leaf.map((k) => row.id[k])
  return {x0: x, y0: top, x1: x, y1: bottom, id, loss, count}
}

// The values of all columns for the tooltips, and of the column that colors the branches.
function coloring(state, {leaf}) {
  const data = {}
  state.row.columns.forEach(({values}, k) => { data[`c${k}`] = leaf.map((at) => values[at]) })
  const values = state.colored
  data.value = leaf.map((at) => (values === null ? 0 : values[at]))
  return data
}

function recolor(args, state) {
  const {controls, mapper, bar, glyphs} = args
  const index = Number(controls.color.value)
  const column = index < 0 ? null : state.row.columns[index]
  state.colored = column === null ? null : column.values
  bar.visible = column !== null
  glyphs.leaves.line_color = column === null ? {value: args.colors.plain} : {field: "value", transform: mapper}
  if (column === null) return
  let low = Infinity, high = -Infinity
  for (const v of column.values) if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v) }
  if (low > high) [low, high] = [0, 1]
  mapper.setv({low, high: high > low ? high : low + (Math.abs(low) || 1)})
  args.barTitle.text = column.name
}

function paint(args, dark) {
  const {plot, bar, glyphs, barTitle, colors} = args, c = dark ? DARK : LIGHT
  Object.assign(colors, c)
  args.mapper.palette = dark ? args.palettes.dark : args.palettes.light
  plot.setv({background_fill_color: c.paper, border_fill_color: c.paper})
  for (const axis of [...plot.left, ...plot.below]) {
    if ("axis_label_text_color" in axis) axis.setv({
      axis_label_text_color: c.ink, major_label_text_color: c.ink, axis_line_color: c.ink,
      major_tick_line_color: c.ink, minor_tick_line_color: c.ink,
    })
  }
  bar.setv({background_fill_color: c.paper, major_label_text_color: c.ink})
  barTitle.text_color = c.ink
  glyphs.slants.line_color = glyphs.trunks.line_color = c.trunk
  if (glyphs.leaves.line_color.value) glyphs.leaves.line_color = {value: c.plain}
}
