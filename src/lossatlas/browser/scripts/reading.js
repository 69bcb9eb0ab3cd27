// The texts of the page about the threshold, the search and the chosen minima, and the keyboard.

const escaped = (text) => {
  const span = document.createElement("span")
  span.textContent = text
  return span.innerHTML
}
const short = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : "none")
const counted = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`

// The slider goes from 0 (no line) to 100 (the top of the axis).
function threshold(args, state) {
  const {controls, line, says} = args, {scale, row} = state
  const part = controls.threshold.value / 100
  line.visible = part > 0
  if (part <= 0) {
    says.threshold.text = "Move the threshold to count the superbasins below a loss."
    return
  }
  const y = scale.low + part * (scale.top - scale.low)
  line.location = y
  const {basins, minima} = superbasins(row, scale.excess(y))
  const loss = short(args.data.lowest + scale.excess(y))
  says.threshold.text = `<b>${counted(basins, "superbasin", "superbasins")}</b> of ` +
    `${counted(minima, "minimum", "minima")} below ${escaped(loss)}`
}

function search(args, state) {
  const wanted = args.controls.search.value.trim()
  args.says.search.visible = wanted !== ""
  if (wanted === "") return
  const at = state.row.id.indexOf(Number(wanted))
  if (!/^\d+$/.test(wanted) || at < 0) {
    const hidden = state.all.id.includes(Number(wanted)) ? ": it is filtered out" : ""
    args.says.search.text = `No minimum ${escaped(wanted)} is shown${hidden}.`
    return
  }
  args.says.search.text = `Minimum ${escaped(wanted)} is marked.`
  choose(args, state, at)
  const half = Math.min(25, state.row.n / 2 + 0.5)
  args.plot.x_range.setv({start: at - half, end: at + half})
  const y = state.tree.height[at], {y_range: range} = args.plot
  if (y < range.start || y > range.end) {
    const middle = (range.end - range.start) / 2
    range.setv({start: y - middle, end: y + middle})
  }
}

// Choose the minimum of the line nearest to a click; a second minimum is compared with the first.
function tap(args, state, {x, y}) {
  const {window, lines} = state
  const perX = window.wide / window.dx, perY = window.tall / window.dy
  let best = -1, nearest = NEAR
  lines.leaves.x.forEach((at, k) => {
    const over = Math.max(y - lines.leaves.top[k], lines.leaves.bottom[k] - y, 0)
    const distance = Math.hypot((at - x) * perX, over * perY)
    if (distance < nearest) { nearest = distance; best = lines.leaves.leaf[k] }
  })
  if (best >= 0) choose(args, state, best)
}

function choose(args, state, at) {
  const {position} = state.row
  state.chosen = [...state.chosen.filter((p) => p !== position[at]), position[at]].slice(-2)
  args.data.chosen = state.chosen.map((p) => state.all.id[p])
  mark(args, state)
  describe(args, state)
}

function forget(args, state) {
  state.chosen = []
  args.data.chosen = []
  mark(args, state)
  describe(args, state)
}

function mark(args, state) {
  const places = state.chosen.map((p) => state.row.position.indexOf(p)).filter((at) => at >= 0)
  args.sources.marks.data = {
    x: places, y: places.map((at) => state.tree.height[at]),
    text: places.map((at) => String(state.row.id[at])),
  }
}

function describe(args, state) {
  const {all, chosen} = state, {says, data} = args
  if (chosen.length === 0) {
    says.chosen.text = `${counted(all.n, "minimum", "minima")}. Click a branch to read about its ` +
      "minimum, and another one to compare. Arrows move, + and - zoom, 0 shows all."
    return
  }
  const heads = chosen.map((p) => `<th>${all.id[p]}</th>`).join("")
  const rows = [[data.quantity, chosen.map((p) => data.lowest + all.excess[p])]]
  for (const {name, values} of all.columns) rows.push([name, chosen.map((p) => values[p])])
  const body = rows.map(([name, values]) =>
    `<tr><th>${escaped(name)}</th>${values.map((v) => `<td>${escaped(short(v))}</td>`).join("")}</tr>`)
  let between = ""
  if (chosen.length === 2) {
    const highest = highestGap(all, chosen[0], chosen[1])
    between = highest === Infinity ? "<p>They are not connected.</p>" :
      `<p>Connected at ${short(data.lowest + highest)}: ` +
      `${short(highest - all.excess[chosen[0]])} above ${all.id[chosen[0]]}, ` +
      `${short(highest - all.excess[chosen[1]])} above ${all.id[chosen[1]]}.</p>`
  }
  says.chosen.text = `<table><tr><th>minimum</th>${heads}</tr>${body.join("")}</table>${between}`
}

function key(args, state, event) {
  const typing = event.composedPath().some((e) => /^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName || "") ||
    (e.getAttribute && e.getAttribute("role") === "slider"))
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return
  const {x_range: x, y_range: y} = args.plot
  const shift = (range, part) => {
    const by = part * (range.end - range.start)
    range.setv({start: range.start + by, end: range.end + by})
  }
  const zoom = (factor) => {
    for (const range of args.data.second ? [x] : [x, y]) {
      const middle = (range.start + range.end) / 2, half = factor * (range.end - range.start) / 2
      range.setv({start: middle - half, end: middle + half})
    }
  }
  const keys = {
    ArrowLeft: () => shift(x, -0.1), ArrowRight: () => shift(x, 0.1),
    ArrowUp: () => args.data.second || shift(y, 0.1), ArrowDown: () => args.data.second || shift(y, -0.1),
    "+": () => zoom(1 / 1.5), "=": () => zoom(1 / 1.5), "-": () => zoom(1.5),
    0: () => home(args, state), Escape: () => forget(args, state),
  }
  if (!(event.key in keys)) return
  keys[event.key]()
  event.preventDefault()
}
