"use strict";
// The review page: the video and its points on one canvas, time lines, what is worth a look, and edits.
// Rows come packed (redtrack/review/pack.py); a frame's rows are replaced by what the server sends after an edit.

const byId = (id) => document.getElementById(id);
const meta = JSON.parse(byId("meta").textContent);
const NONE = -32768;
const INK = "#f5f5f5", WARNING = "#ff2d6e", SCALE = [[255, 45, 110], [255, 205, 70], [40, 230, 255]];
const FACE_COLOURS = ["#f0f4fa", "#78c8ff", "#ffbe5a", "#aaff8c", "#ff96d7", "#b9a0ff", "#fff06e", "#6ef0d7"];
const MARKS = ["", "mended", "right", "wrong", "no face", "interpolated"];
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// ---- Rows -----------------------------------------------------------------------------------------------------------

async function inflate(base64) {
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(base64) : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Columns by name: {width, rows, data}, data[place * rows + row], from differences of variable length.
function unpack(table, bytes) {
  const columns = {};
  let at = 0;
  for (const { name, width, rows } of table) {
    const wide = name === "times" || name === "frame" || name === "centre" || name === "face";
    const data = wide ? new Float64Array(rows * width) : new Int16Array(rows * width);
    for (let place = 0; place < width; place++) {
      let value = 0;
      for (let to = place * rows, end = to + rows; to < end; to++) {
        let byte = bytes[at++], number = byte & 127;
        for (let scale = 128; byte > 127; scale *= 128) {
          byte = bytes[at++];
          number += (byte & 127) * scale;
        }
        value += number & 1 ? -(number + 1) / 2 : number / 2;
        data[to] = value;
      }
    }
    columns[name] = { width, rows, data };
  }
  return columns;
}

class Rows {
  constructor(table, bytes) {
    this.columns = unpack(table, bytes);
    this.count = this.columns.frame.data.length;
  }
  value(name, row) {
    const column = this.columns[name];
    const value = column ? column.data[row] : NONE;
    return value === NONE ? NaN : value;
  }
  row(row) {
    const slice = (name) => {
      const column = this.columns[name];
      return column ? Array.from({ length: column.width }, (_, place) => column.data[place * column.rows + row]) : null;
    };
    const [x, y] = slice("centre"), step = meta.step;
    return {
      centre: [x * step, y * step],
      frame: this.value("frame", row), face: this.value("face", row), mark: this.value("mark", row),
      points: Float64Array.from(slice("points"), (value, i) => (value === NONE ? NaN : value + (i % 2 ? y : x)) * step),
      box: Array.from(slice("box"), (value, i) => (value + (i % 2 ? y : x)) * step),
      doubt: this.value("doubt", row) / 100, moved: slice("moved"), axes: slice("axes"),
      levels: { score: slice("score"), disagreement: slice("disagreement"), error: slice("error") },
      measure: (name) => this.value(name, row) * meta.measures[name].step,
    };
  }
}

// All rows of the video: the packed ones, and those of frames that were edited since.
const tracks = {
  base: null, times: null, starts: null, order: null, patched: new Map(), cache: new Map(),
  load(table, bytes) {
    this.base = new Rows(table, bytes);
    this.times = Array.from(this.base.columns.times.data, (value) => value / 1e6);
    const frame = this.base.columns.frame.data, starts = new Uint32Array(meta.frames + 1);
    for (let i = 0; i < frame.length; i++) starts[frame[i] + 1]++;
    for (let i = 0; i < meta.frames; i++) starts[i + 1] += starts[i];
    const next = starts.slice(), order = new Uint32Array(frame.length);
    for (let i = 0; i < frame.length; i++) order[next[frame[i]]++] = i;
    Object.assign(this, { starts, order, patched: new Map(), cache: new Map() });
  },
  at(frame) {
    const patched = this.patched.get(frame);
    if (patched) return patched;
    if (!(frame >= 0 && frame < meta.frames)) return [];
    return Array.from(this.order.subarray(this.starts[frame], this.starts[frame + 1]), (row) => this.base.row(row));
  },
  find(frame, face) { return this.at(frame).find((row) => row.face === face); },
  patch(frames, rows) {
    for (const frame of frames) this.patched.set(frame, []);
    for (let i = 0; i < rows.count; i++) this.patched.get(rows.value("frame", i)).push(rows.row(i));
    this.cache.clear();
  },
  // One face's doubt or measure in every frame, NaN where unknown.
  series(face, name) {
    const key = `${face} ${name}`;
    if (!this.cache.has(key)) {
      const values = new Float32Array(meta.frames).fill(NaN), base = this.base;
      const step = name === "doubt" ? 0.01 : name === "mark" ? 1 : meta.measures[name].step;
      const ids = base.columns.face.data, frame = base.columns.frame.data;
      for (let i = 0; i < base.count; i++)
        if (ids[i] === face && !this.patched.has(frame[i])) values[frame[i]] = base.value(name, i) * step;
      for (const [at, rows] of this.patched)
        for (const row of rows)
          if (row.face === face) values[at] = name in row ? row[name] : row.measure(name);
      this.cache.set(key, values);
    }
    return this.cache.get(key);
  },
  // The frame whose time is nearest.
  nearest(time) {
    let low = 0, high = this.times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < time) low = middle + 1; else high = middle;
    }
    if (low && time - this.times[low - 1] <= this.times[low] - time) low--;
    while (low && this.times[low - 1] === this.times[low]) low--;
    return low;
  },
};

// ---- The player: which frame is shown is what the file's own times say -------------------------------------------------

class Player {
  constructor(source, shown, failed) {
    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, playsInline: true, preload: "auto" });
    this.offset = null; // media time of the first frame
    this.frame = 0; // that is shown
    this.wanted = null; // that is sought
    this.presented = 0;
    this.still = document.createElement("canvas"); // the picture of `frame`; the video itself may be ahead of it
    this.shown = shown;
    this.exact = "requestVideoFrameCallback" in this.video;
    if (!source) { this.video = null; return; }
    this.video.addEventListener("error", () => { this.video = null; failed(); });
    this.video.addEventListener("loadeddata", () => { if (!this.exact) { this.offset = 0; this._keep(); this._show(0); } });
    this.video.addEventListener("seeked", () => this._seeked());
    this._watch();
    this.video.src = source;
  }
  get ready() { return this.video !== null && this.offset !== null; }
  get playing() { return this.ready ? !this.video.paused : Boolean(this.timer); }
  _watch() {
    if (!this.exact) { // a browser that does not tell what it shows: the nearest that its clock says
      const look = () => {
        if (!this.video) return;
        const frame = this.ready && !this.video.seeking ? this._frameAt(this.video.currentTime) : this.frame;
        if (frame !== this.frame) { this._keep(); this._show(frame); }
        requestAnimationFrame(look);
      };
      look();
      return;
    }
    const each = (now, about) => {
      if (!this.video) return;
      this.presented++;
      if (this.offset === null) this.offset = about.mediaTime - tracks.times[0];
      this._keep();
      this._show(tracks.nearest(about.mediaTime - this.offset));
      this.video.requestVideoFrameCallback(each);
    };
    this.video.requestVideoFrameCallback(each);
  }
  _keep() {
    const { still, video } = this, { videoWidth: width, videoHeight: height } = video;
    if (still.width !== width || still.height !== height) Object.assign(still, { width, height });
    still.getContext("2d", { alpha: false }).drawImage(video, 0, 0);
  }
  _frameAt(time) { // the last frame that has begun
    const at = time - this.offset + 1e-4, frame = tracks.nearest(at);
    return frame && tracks.times[frame] > at ? frame - 1 : frame;
  }
  _show(frame) {
    this.frame = frame;
    this.shown(frame);
  }
  _seeked() {
    if (this.next !== undefined) {
      const frame = this.next;
      this.next = undefined;
      this._go(frame);
      return;
    }
    const before = this.presented, time = this.video.currentTime;
    setTimeout(() => { // no new picture: it is the one that is there
      if (this.video && !this.video.seeking && this.presented === before && this.ready) { this._keep(); this._show(this._frameAt(time)); }
    }, 120);
    this.wanted = null;
  }
  _middle(frame) { // a moment at which the frame is shown
    const times = tracks.times, time = times[frame];
    let next = frame + 1;
    while (next < times.length && times[next] === time) next++;
    const gap = next < times.length ? times[next] - time : 0.01;
    return this.offset + time + gap / 2;
  }
  _go(frame) {
    this.video.currentTime = this._middle(frame);
  }
  seek(frame) {
    frame = clamp(frame, 0, meta.frames - 1);
    this.wanted = frame;
    if (!this.ready) { this.wanted = null; this._show(frame); return; }
    if (this.video.seeking) this.next = frame; else this._go(frame);
  }
  step(count) {
    this.pause();
    const from = this.wanted === null ? this.frame : this.wanted, times = tracks.times;
    let to = clamp(from + count, 0, meta.frames - 1);
    while (to > 0 && to < meta.frames - 1 && times[to] === times[from]) to += Math.sign(count);
    this.seek(to);
  }
  play(speed) {
    if (this.frame >= meta.frames - 1) this.seek(0);
    if (this.ready) {
      this.video.playbackRate = speed;
      this.video.play().catch(() => {});
      return;
    }
    const start = performance.now(), from = tracks.times[this.frame];
    const tick = () => {
      this._show(tracks.nearest(from + (performance.now() - start) / 1000 * speed));
      this.timer = this.frame < meta.frames - 1 ? requestAnimationFrame(tick) : null;
    };
    this.timer = requestAnimationFrame(tick);
  }
  pause() {
    if (this.ready) this.video.pause();
    cancelAnimationFrame(this.timer);
    this.timer = null;
  }
}

// ---- State ----------------------------------------------------------------------------------------------------------

const state = {
  face: meta.faces.length ? meta.faces.reduce((a, b) => (b.rows > a.rows ? b : a)).id : null,
  point: null, tool: "point", hidden: new Set(), span: null, loop: false, colour: "part",
  layers: Object.fromEntries([...document.querySelectorAll("[data-layer]")].map((box) => [box.dataset.layer, box.checked])),
  view: null, // {x, y, scale}: the video's pixel in the middle and screen pixels for each; null: all of it
  follow: false, lines: [0, 1], drag: null,
};
const picture = byId("picture"), timeline = byId("timeline");
let player = null;
const faceColour = (face) => FACE_COLOURS[face % FACE_COLOURS.length];
const faceName = (face) => meta.names[face] || `face ${face}`;
const clockText = (seconds) => {
  const ms = Math.round(seconds * 1000), minutes = Math.floor(ms / 60000);
  const rest = `${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
  return minutes >= 60 ? `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
};
const eventName = (event) => [event.kind, event.side].filter(Boolean).join(" ");
const visibleRows = (frame) => tracks.at(frame).filter((row) => !state.hidden.has(row.face));
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
function notice(text) {
  byId("notice").hidden = !text;
  byId("notice").textContent = text;
}

// ---- The picture ----------------------------------------------------------------------------------------------------

function sized(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return ratio;
}

// The way from the video's pixels to the canvas': x * sx + ox, y * sy + oy. Pixels count from their centres.
function placement(width, height, view, aspect) {
  const fit = Math.min(width / (meta.width * aspect), height / meta.height);
  const scale = view ? view.scale * fit : fit;
  const x = view ? view.x : (meta.width - 1) / 2, y = view ? view.y : (meta.height - 1) / 2;
  return { sx: scale * aspect, sy: scale, ox: width / 2 - x * scale * aspect, oy: height / 2 - y * scale, scale };
}

function aspectOf(still) { // of one pixel of the tracks, as the video is shown
  return still && still.width ? still.width / meta.width / (still.height / meta.height) : meta.aspect;
}

function viewOf(row, width, height, aspect, around) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < row.points.length; i += 2) {
    if (row.points[i] !== row.points[i]) continue;
    x0 = Math.min(x0, row.points[i]); x1 = Math.max(x1, row.points[i]);
    y0 = Math.min(y0, row.points[i + 1]); y1 = Math.max(y1, row.points[i + 1]);
  }
  const fit = Math.min(width / (meta.width * aspect), height / meta.height);
  const scale = Math.min(width / ((x1 - x0) * aspect || 1), height / (y1 - y0 || 1)) / around / fit;
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: clamp(scale, 1, 40) };
}

function paint(canvas, still, rows, view, style) {
  const context = canvas.getContext("2d"), { width, height } = canvas, aspect = aspectOf(still);
  const to = placement(width, height, view, aspect);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = to.scale < 4;
  if (still && style.video)
    context.drawImage(still, to.ox - to.sx / 2, to.oy - to.sy / 2, meta.width * to.sx, meta.height * to.sy);
  for (const row of rows) paintFace(context, row, to, style);
  return to;
}

function paintFace(context, row, to, style) {
  const ratio = style.ratio, chosen = row.face === style.face, hue = faceColour(row.face);
  const X = (i) => row.points[2 * i] * to.sx + to.ox, Y = (i) => row.points[2 * i + 1] * to.sy + to.oy;
  const eyes = Math.hypot(X(36) - X(45), Y(36) - Y(45));
  const radius = clamp(eyes * 0.014, 1.2 * ratio, 4.5 * ratio) * (style.edit && chosen ? 1.15 : 1);
  context.globalAlpha = row.mark === 3 || row.mark === 4 ? 0.35 : 1;
  context.lineWidth = Math.max(radius * 0.6, 1);
  context.strokeStyle = hue;
  if (style.boxes) {
    const [x0, y0, x1, y1] = row.box;
    context.strokeRect(x0 * to.sx + to.ox, y0 * to.sy + to.oy, (x1 - x0) * to.sx, (y1 - y0) * to.sy);
  }
  if (style.lines) {
    context.beginPath();
    for (const [indices, closed] of meta.lines) {
      context.moveTo(X(indices[0]), Y(indices[0]));
      for (const i of indices) context.lineTo(X(i), Y(i));
      if (closed) context.closePath();
    }
    context.save();
    context.globalAlpha *= 0.65;
    context.stroke();
    context.restore();
  }
  if (style.points) {
    const colours = pointColours(row, style.colour);
    for (let i = 0; i < row.points.length / 2; i++) {
      context.beginPath();
      context.arc(X(i), Y(i), radius, 0, 7);
      context.lineWidth = Math.max(radius * 0.5, ratio * 0.75);
      context.strokeStyle = row.moved && row.moved[i] ? "#fff" : "#000a";
      context.stroke();
      context.fillStyle = colours(i);
      context.fill();
    }
    if (chosen && style.point !== null) {
      context.beginPath();
      context.arc(X(style.point), Y(style.point), radius * 2.4, 0, 7);
      context.strokeStyle = INK;
      context.lineWidth = 1.5 * ratio;
      context.stroke();
    }
  }
  if (style.axes) paintAxes(context, axesOf(row), to, Math.max(radius, 1.5 * ratio));
  if (style.ids) {
    context.globalAlpha = 1;
    const words = faceName(row.face) + (row.mark ? ` · ${MARKS[row.mark]}` : "");
    context.font = `${chosen ? "600 " : ""}${12 * ratio}px system-ui, sans-serif`;
    const x = row.box[0] * to.sx + to.ox, y = Math.max(row.box[1] * to.sy + to.oy - 6 * ratio, 14 * ratio);
    context.lineWidth = 3 * ratio;
    context.strokeStyle = "#000c";
    context.strokeText(words, x, y);
    context.fillStyle = row.mark === 3 || row.mark === 4 ? WARNING : hue;
    context.fillText(words, x, y);
  }
  context.globalAlpha = 1;
}

// The head's origin, and the ends of its x, y and forward axes in the video's pixels (docs/pose.md); null where unknown.
function axesOf(row) {
  if (!row.axes || row.axes[0] === NONE) return null;
  const [roll, yaw, pitch] = ["roll", "yaw", "pitch"].map((name) => row.measure(name) * Math.PI / 180);
  const [cr, sr, cy, sy, cp, sp] = [Math.cos(roll), Math.sin(roll), Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const x = row.centre[0] + row.axes[0] * meta.step, y = row.centre[1] + row.axes[1] * meta.step, long = row.axes[2] * meta.step;
  const ways = [[0, 0], [cr * cy, sr * cy], [cr * sy * sp - sr * cp, sr * sy * sp + cr * cp], [cr * sy * cp + sr * sp, sr * sy * cp - cr * sp]];
  return ways.map(([dx, dy]) => [x + dx * long, y + dy * long]);
}

function paintAxes(context, ends, to, wide) {
  if (!ends) return;
  const [start, ...tips] = ends.map(([x, y]) => [x * to.sx + to.ox, y * to.sy + to.oy]);
  context.lineCap = "round";
  tips.forEach((tip, k) => {
    for (const [colour, width] of [["#000a", wide * 2], [meta.axisColours[k], wide * 1.3]]) {
      context.beginPath();
      context.moveTo(...start);
      context.lineTo(...tip);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  });
  context.lineCap = "butt";
}

function ramp(share) { // from doubtful, 0, to certain, 1
  const at = clamp(share, 0, 1) * 2, low = Math.min(Math.floor(at), 1), part = at - low;
  return `rgb(${SCALE[low].map((value, i) => Math.round(value + (SCALE[low + 1][i] - value) * part))})`;
}

function pointColours(row, colour) {
  if (colour === "face") return () => faceColour(row.face);
  const levels = row.levels[colour];
  if (colour === "part" || !levels) return (i) => meta.partColours[i];
  return (i) => levels[i] === NONE ? INK : ramp(colour === "score" ? levels[i] / meta.levels : 1 - 2 * levels[i] / meta.levels);
}

function drawPicture() {
  const ratio = sized(picture), frame = player.frame;
  const rows = visibleRows(frame), still = player.ready ? player.still : null;
  if (state.follow && !state.drag) {
    const row = tracks.find(frame, state.face);
    if (row) {
      const next = viewOf(row, picture.width, picture.height, aspectOf(still), 1.3);
      const calm = state.view && Math.abs(Math.log(next.scale / state.view.scale)) < 0.25;
      state.view = { ...next, scale: calm ? state.view.scale : next.scale };
    }
  }
  const style = { ...state.layers, colour: state.colour, face: state.face, point: state.point, ratio, edit: meta.edit };
  state.placed = paint(picture, still, rows, state.view, style);
  byId("clock").textContent = `frame ${frame} · ${clockText(tracks.times[frame] || 0)}`;
}

// ---- Time lines -----------------------------------------------------------------------------------------------------

const LINES = [
  ["doubt", 1, [["doubt", "--doubt"]]],
  ["eyes", 0.15, [["right_eye_opening", "#e8a33d", "right"], ["left_eye_opening", "#2e9fd0", "left"]]],
  ["mouth", 0.3, [["mouth_opening", "#d0508e", "open"], ["mouth_width", "#8d6fd6", "width"]]],
  ["brows", 0.1, [["right_brow_height", "#e8a33d", "right"], ["left_brow_height", "#2e9fd0", "left"]]],
  ["head", 20, [["yaw", "#2e9fd0", "yaw"], ["pitch", "#d0508e", "pitch"], ["roll", "#4fa35a", "roll"]]],
]; // name, the least range that is shown, curves
const NAMES_WIDTH = 74;
const PLACES = { blink: "eyes", wink: "eyes", mouth: "mouth", nod: "head", shake: "head", "look-away": "head" }; // of events

function spanOfTime() {
  const times = tracks.times, first = times[0] || 0, length = Math.max((times[times.length - 1] || 0) - first, 1e-3);
  return { first: first + state.lines[0] * length, length: (state.lines[1] - state.lines[0]) * length };
}

function drawLines() {
  const ratio = sized(timeline), context = timeline.getContext("2d"), { width, height } = timeline;
  const style = getComputedStyle(document.body), css = (name) => style.getPropertyValue(name).trim();
  context.clearRect(0, 0, width, height);
  const left = NAMES_WIDTH * ratio, { first, length } = spanOfTime(), tall = (height - 16 * ratio) / LINES.length;
  const X = (time) => left + (time - first) / length * (width - left);
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const from = tracks.nearest(first), to = tracks.nearest(first + length);
  for (const gap of meta.gaps) {
    context.fillStyle = css("--line");
    const x = Math.max(X(gap.start), left), end = X(tracks.times[Math.min(gap.last + 1, meta.frames - 1)]);
    if (end > left) context.fillRect(x, 0, Math.max(end - x, 1), tall * LINES.length);
  }
  if (state.span) {
    context.fillStyle = css("--accent") + "30";
    const x = Math.max(X(state.span.start), left);
    context.fillRect(x, 0, Math.max(X(state.span.end) - x, 3 * ratio), tall * LINES.length);
  }
  LINES.forEach(([label, range, series], index) => {
    const top = index * tall, low = top + tall - 4 * ratio;
    context.fillStyle = css("--soft");
    context.fillText(label, 0, top + tall * (series.length > 1 ? 0.32 : 0.5));
    context.font = `${9.5 * ratio}px system-ui, sans-serif`;
    let at = 0;
    for (const [, colour, word] of series.length > 1 ? series : []) {
      context.fillStyle = colour;
      context.fillText(word, at, top + tall * 0.7);
      at += context.measureText(word).width + 5 * ratio;
    }
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.fillStyle = css("--line");
    context.fillRect(left, top + tall - ratio, width - left, ratio);
    if (state.face === null) return;
    const values = series.map(([name]) => tracks.series(state.face, name));
    drawEvents(context, label, X, top, tall, ratio, css);
    let [least, most] = label === "doubt" ? [0, 1] : extent(values, from, to);
    const spare = Math.max(range - (most - least), 0) / 2;
    [least, most] = [least - spare, most + spare];
    values.forEach((one, k) => {
      const colour = series[k][1].startsWith("--") ? css(series[k][1]) : series[k][1];
      drawCurve(context, one, from, to, X, (v) => low - (v - least) / (most - least || 1) * (tall - 8 * ratio), colour, ratio);
    });
  });
  context.fillStyle = css("--soft");
  for (const cut of meta.cuts) context.fillRect(X(tracks.times[cut]), 0, ratio, tall * LINES.length);
  drawMarks(context, from, to, X, tall * LINES.length, ratio, css);
  const now = X(tracks.times[player.frame] || 0);
  context.fillStyle = css("--ink");
  if (now >= left) context.fillRect(now - ratio / 2, 0, 1.5 * ratio, height);
  context.fillStyle = css("--soft");
  context.fillText(clockText(first), left, height - 6 * ratio);
  context.textAlign = "right";
  context.fillText(clockText(first + length), width, height - 6 * ratio);
  context.textAlign = "left";
}

function drawEvents(context, label, X, top, tall, ratio, css) { // behind the curves, named where there is room
  const left = NAMES_WIDTH * ratio, accent = css("--accent");
  for (const event of meta.events) {
    if (event.face !== state.face || PLACES[event.kind] !== label) continue;
    const from = Math.max(X(event.onset), left), to = X(event.offset), name = eventName(event);
    if (to < left || from > timeline.width) continue;
    context.fillStyle = accent + "38";
    context.fillRect(from, top, Math.max(to - from, 2 * ratio), tall - ratio);
    context.fillStyle = accent;
    context.fillRect(Math.max(X(event.apex), left), top, 1.5 * ratio, 5 * ratio);
    if (to - from > 20 * ratio && context.measureText(name).width + 6 * ratio < to - from) context.fillText(name, from + 3 * ratio, top + 8 * ratio);
  }
}

function drawMarks(context, from, to, X, base, ratio, css) { // mended frames as dots below the lines
  if (state.face === null) return;
  const marks = tracks.series(state.face, "mark");
  for (let frame = from; frame <= to; frame++)
    if (marks[frame]) {
      context.fillStyle = css(marks[frame] === 3 || marks[frame] === 4 ? "--doubt" : "--good");
      context.fillRect(X(tracks.times[frame]) - ratio, base + 2 * ratio, 2.5 * ratio, 5 * ratio);
    }
}

function extent(all, from, to) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of all)
    for (let i = from; i <= to; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
  return low <= high ? [low, high] : [0, 1];
}

// A curve; where many frames share a column of pixels, from the least to the greatest of them.
function drawCurve(context, values, from, to, X, Y, colour, ratio) {
  context.strokeStyle = colour;
  context.lineWidth = 1.25 * ratio;
  context.beginPath();
  let column = -1, low = NaN, high = NaN, open = false;
  const flush = () => {
    if (low === low) {
      if (open) context.lineTo(column, Y(low)); else context.moveTo(column, Y(low));
      context.lineTo(column, Y(high) === Y(low) ? Y(high) + 0.5 : Y(high));
    }
    open = low === low;
  };
  for (let frame = from; frame <= to; frame++) {
    const x = Math.round(X(tracks.times[frame])), value = values[frame];
    if (x !== column) { flush(); column = x; low = high = value; continue; }
    if (value < low || low !== low) low = value;
    if (value > high || high !== high) high = value;
  }
  flush();
  context.stroke();
}

let drawn = false;
function refresh() { // at the next frame of the screen, once
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => { drawn = false; drawPicture(); drawLines(); });
}

// ---- Lists ----------------------------------------------------------------------------------------------------------

function worthList() { // doubtful spans, the worst first, then stretches without a face
  const gaps = meta.gaps.map((gap) => ({ ...gap, face: null, worst: Math.floor((gap.first + gap.last) / 2) }));
  return [...meta.spans, ...gaps];
}

function eventCounts(face) { // such as "5 blinks, 1 nod"
  const counts = new Map();
  for (const event of meta.events) if (event.face === face) counts.set(event.kind, (counts.get(event.kind) || 0) + 1);
  const words = { mouth: "open mouth", "look-away": "look away" };
  return [...counts].map(([kind, count]) => plural(count, words[kind] || kind)).join(", ");
}

function showLists() {
  const worth = worthList(), list = byId("worth");
  byId("worth-count").textContent = worth.length ? plural(worth.length, "span") : "";
  list.replaceChildren(...worth.map((span, index) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const small = Object.assign(document.createElement("canvas"), { width: 168, height: 126 });
    const words = document.createElement("div"), head = document.createElement("strong");
    head.textContent = `${clockText(span.start)} · ${plural(span.last - span.first + 1, "frame")}`;
    words.append(head, ...reasons(span).map((text) => Object.assign(document.createElement("span"), { textContent: text })));
    button.append(small, words);
    button.addEventListener("click", () => choose(index));
    item.append(button);
    return item;
  }));
  const before = state.span; // edits may have changed the list
  state.chosen = before ? worth.findIndex((span) => span.face === before.face && span.first <= before.last && span.last >= before.first) : -1;
  if (state.chosen >= 0) list.children[state.chosen].firstChild.className = "on"; else state.chosen = undefined;
  if (!worth.length) list.append(Object.assign(document.createElement("li"), { textContent: "Nothing stands out." }));
  byId("faces").replaceChildren(...meta.faces.map((face) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: !state.hidden.has(face.id) });
    box.setAttribute("aria-label", `Show ${faceName(face.id)}`);
    box.addEventListener("change", () => { state.hidden[box.checked ? "delete" : "add"](face.id); refresh(); });
    const dot = Object.assign(document.createElement("i"), { style: `background:${faceColour(face.id)}` });
    button.append(dot, `${faceName(face.id)} `, Object.assign(document.createElement("small"), {
      textContent: [`${plural(face.rows, "frame")} from ${clockText(tracks.times[face.first])}`, eventCounts(face.id)].filter(Boolean).join(" · "),
    }));
    button.className = face.id === state.face ? "on" : "";
    button.addEventListener("click", () => { select(face.id); if (!tracks.find(player.frame, face.id)) player.seek(face.first); });
    item.append(box, button);
    return item;
  }));
  if (!meta.faces.length) byId("faces").append(Object.assign(document.createElement("li"), { textContent: "No face in any frame." }));
  byId("face-bar").hidden = !meta.edit || state.face === null;
}

function reasons(span) {
  if (span.face === null) return ["no face in the tracks"];
  const why = [];
  if (span.disagreement !== null && span.sign === "disagreement") why.push(`estimates differ by ${(100 * span.disagreement).toFixed(1)} %`);
  if (span.confidence !== null && span.sign === "confidence") why.push(`confidence ${span.confidence.toFixed(2)}`);
  return [`${faceName(span.face)} · ${why.join(", ")}`];
}

function markDone() { // spans in which a person has said something
  worthList().forEach((span, index) => {
    const words = byId("worth").children[index].querySelector("div");
    let done = 0;
    for (let frame = span.first; frame <= span.last; frame++)
      done += tracks.at(frame).some((row) => row.mark && (span.face === null || row.face === span.face));
    words.querySelector(".mended")?.remove();
    if (done) words.append(Object.assign(document.createElement("span"), { className: "mended", textContent: `${plural(done, "frame")} edited` }));
  });
}

function select(face) {
  if (face !== state.face) state.point = null;
  state.face = face;
  [...byId("faces").querySelectorAll("button")].forEach((button, i) => { button.className = meta.faces[i].id === face ? "on" : ""; });
  byId("face-bar").hidden = !meta.edit || face === null;
  refresh();
}

function choose(index) {
  const worth = worthList();
  if (!worth.length) return;
  index = (index + worth.length) % worth.length;
  state.span = worth[index];
  state.chosen = index;
  [...byId("worth").querySelectorAll("button")].forEach((button, i) => { button.className = i === index ? "on" : ""; });
  byId("worth").children[index].scrollIntoView({ block: "nearest" });
  if (state.span.face !== null) select(state.span.face);
  player.pause();
  player.seek(state.span.worst);
  refresh();
}

// Small pictures of the worst frames, one after the other, by a second player.
async function showSmallPictures(source) {
  const canvases = [...byId("worth").querySelectorAll("canvas")];
  let wake = () => {};
  const second = new Player(source, () => wake(), () => {});
  const paintSmall = (canvas, span, still) => {
    const row = span.face === null ? null : tracks.find(span.worst, span.face);
    const view = row ? viewOf(row, canvas.width, canvas.height, aspectOf(still), 1.5) : null;
    paint(canvas, still, row ? [row] : [], view, { points: true, lines: true, video: true, colour: state.colour, ratio: 1, face: null, point: null });
  };
  worthList().forEach((span, i) => canvases[i] && paintSmall(canvases[i], span, null));
  if (!source) return;
  await new Promise((resolve) => { wake = resolve; setTimeout(resolve, 20000); });
  for (const [i, span] of worthList().slice(0, 60).entries()) {
    if (!second.ready || !canvases[i]) return;
    const shown = new Promise((resolve) => {
      wake = () => second.frame === span.worst && resolve();
      setTimeout(resolve, 5000);
    });
    second.seek(span.worst);
    await shown;
    if (second.frame === span.worst) paintSmall(canvases[i], span, second.still);
  }
  second.video?.removeAttribute("src");
}

// ---- Pointer and keys -------------------------------------------------------------------------------------------------

function canvasPoint(event, canvas) {
  const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
  return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio, ratio];
}

function nearestPoint(x, y, reach) {
  const to = state.placed;
  let best = null, least = reach;
  for (const row of visibleRows(player.frame))
    for (let i = 0; i < row.points.length / 2; i++) {
      const far = Math.hypot(row.points[2 * i] * to.sx + to.ox - x, row.points[2 * i + 1] * to.sy + to.oy - y);
      if (far < least - (row.face === state.face ? 0 : 4)) { least = far; best = { row, point: i }; }
    }
  return best;
}

function watchPicture() {
  const fingers = new Map(); // places of the pointers that are down; two of them zoom
  const pinch = () => {
    const [[x0, y0], [x1, y1]] = fingers.values();
    return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, far: Math.max(Math.hypot(x1 - x0, y1 - y0), 1) };
  };
  picture.addEventListener("pointerdown", (event) => {
    const [x, y, ratio] = canvasPoint(event, picture);
    fingers.set(event.pointerId, [x, y]);
    if (fingers.size > 1) {
      takeBack(state.drag);
      state.drag = fingers.size === 2 ? { pinch: pinch() } : null;
      refresh();
      return;
    }
    const hit = nearestPoint(x, y, (event.pointerType === "touch" ? 26 : 14) * ratio);
    picture.setPointerCapture(event.pointerId);
    picture.focus({ preventScroll: true });
    if (hit) {
      select(hit.row.face);
      state.point = hit.point;
    }
    if (hit && meta.edit) {
      player.pause();
      const row = { ...hit.row, points: hit.row.points.slice(), moved: Uint8Array.from(hit.row.moved || new Uint8Array(68)) };
      tracks.patched.set(player.frame, tracks.at(player.frame).map((one) => (one.face === row.face ? row : one)));
      state.drag = { row, from: hit.row, indices: draggedPoints(hit.point), x, y, frame: player.frame };
    } else state.drag = { pan: state.view || { x: (meta.width - 1) / 2, y: (meta.height - 1) / 2, scale: 1 }, x, y };
    refresh();
  });
  picture.addEventListener("pointermove", (event) => {
    const drag = state.drag, to = state.placed;
    if (!drag) return;
    const [x, y] = canvasPoint(event, picture);
    if (drag.pinch) {
      fingers.set(event.pointerId, [x, y]);
      const now = pinch();
      zoomAt(now.x, now.y, now.far / drag.pinch.far);
      drag.pinch = now;
      return;
    }
    const dx = (x - drag.x) / to.sx, dy = (y - drag.y) / to.sy;
    if (drag.pan && (state.view || Math.hypot(x - drag.x, y - drag.y) > 6)) {
      if (state.view) { state.view = { ...drag.pan, x: drag.pan.x - dx, y: drag.pan.y - dy }; setFollow(false); }
    } else if (drag.row) moveRow(drag, dx, dy);
    refresh();
  });
  const takeBack = (drag) => {
    if (drag && drag.row) tracks.patched.set(drag.frame, tracks.at(drag.frame).map((one) => (one === drag.row ? drag.from : one)));
  };
  const end = (event) => {
    const drag = state.drag;
    fingers.delete(event.pointerId);
    state.drag = null;
    if (drag && drag.row && drag.changed) savePoints(drag); else takeBack(drag);
    refresh();
  };
  picture.addEventListener("pointerup", end);
  picture.addEventListener("pointercancel", end);
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = canvasPoint(event, picture);
    zoomAt(x, y, Math.exp(-event.deltaY * 0.0015));
  }, { passive: false });
  picture.addEventListener("dblclick", () => { state.view = null; setFollow(false); showClose(); refresh(); });
}

function zoomAt(x, y, factor) {
  const to = state.placed, view = state.view || { x: (meta.width - 1) / 2, y: (meta.height - 1) / 2, scale: 1 };
  const scale = clamp(view.scale * factor, 1, 40);
  if (scale === 1) state.view = null;
  else {
    const px = (x - to.ox) / to.sx, py = (y - to.oy) / to.sy, by = view.scale / scale;
    state.view = { x: px + (view.x - px) * by, y: py + (view.y - py) * by, scale };
  }
  setFollow(false);
  refresh();
}

function setFollow(on) {
  state.follow = on;
  byId("zoom").setAttribute("aria-pressed", on);
}

function showClose() { // on a telephone the picture is taller while a face is shown close up
  byId("stage").classList.toggle("close", state.follow);
}

function watchLines() {
  let scrub = false;
  const frameAt = (event) => {
    const [x, , ratio] = canvasPoint(event, timeline), { first, length } = spanOfTime(), left = NAMES_WIDTH * ratio;
    return tracks.nearest(first + clamp((x - left) / (timeline.width - left), 0, 1) * length);
  };
  timeline.addEventListener("pointerdown", (event) => {
    scrub = true;
    timeline.setPointerCapture(event.pointerId);
    player.pause();
    player.seek(frameAt(event));
  });
  timeline.addEventListener("pointermove", (event) => {
    const frame = frameAt(event), here = meta.events.filter((one) => one.face === state.face && frame >= one.first && frame <= one.last);
    timeline.title = here.map((one) => `${eventName(one)}, ${clockText(one.onset)} to ${clockText(one.offset)}`).join("; ");
    if (scrub) player.seek(frame);
  });
  timeline.addEventListener("pointerup", () => { scrub = false; });
  timeline.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, , ratio] = canvasPoint(event, timeline), left = NAMES_WIDTH * ratio;
    const at = clamp((x - left) / (timeline.width - left), 0, 1), [a, b] = state.lines, length = b - a;
    const wide = clamp(length * Math.exp(event.deltaY * 0.002), Math.min(20 / meta.frames, 1), 1);
    const start = clamp(a + at * (length - wide) + event.deltaX * 0.001 * length, 0, 1 - wide);
    state.lines = [start, start + wide];
    refresh();
  }, { passive: false });
  timeline.addEventListener("dblclick", () => { state.lines = [0, 1]; refresh(); });
}

const KEYS = [
  ["Space", "play or pause", " ", () => togglePlay()],
  ["← →", "one frame back or on; ten with Shift", "ArrowLeft", (event) => player.step(event.shiftKey ? -10 : -1)],
  [null, null, "ArrowRight", (event) => player.step(event.shiftKey ? 10 : 1)],
  ["Home, End", "first or last frame", "Home", () => player.seek(0)],
  [null, null, "End", () => player.seek(meta.frames - 1)],
  ["[ ]", "the span worth a look before or after", "[", () => choose((state.chosen ?? 1) - 1)],
  [null, null, "]", () => choose((state.chosen ?? -1) + 1)],
  ["L", "loop over the chosen span", "l", () => byId("loop").click()],
  ["Z", "follow the chosen face close up", "z", () => byId("zoom").click()],
  ["F", "choose the next face of the frame", "f", () => nextFace()],
  ["- +", "slower, faster", "-", () => changeSpeed(-1)],
  [null, null, "+", () => changeSpeed(1)],
  ["?", "this list", "?", () => byId("help").showModal()],
];
const EDIT_KEYS = [
  ["1 2 3", "drag a point, a part, the whole face", "1", () => setTool("point")],
  [null, null, "2", () => setTool("part")],
  [null, null, "3", () => setTool("face")],
  ["R W N", "this face is right, wrong, or not there in this frame; again: as before", "r", () => mark("right")],
  [null, null, "w", () => mark("wrong")],
  [null, null, "n", () => mark("absent")],
  ["C", "put the face here as in the nearest frame before", "c", () => copyFace()],
  ["I", "interpolate between the mended frames around this one", "i", () => interpolate()],
  ["Ctrl+Z", "undo; with Shift redo", null, null],
];

function watchKeys() {
  const keys = meta.edit ? [...KEYS.slice(0, -1), ...EDIT_KEYS, KEYS[KEYS.length - 1]] : KEYS;
  byId("keys").replaceChildren(...keys.filter(([name]) => name).flatMap(([name, words]) => [
    Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: words }),
  ]));
  window.addEventListener("keydown", (event) => {
    if (event.target.closest("dialog, select, input[type=text]") || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      const key = event.key.toLowerCase();
      if (meta.edit && (key === "z" || key === "y")) { event.preventDefault(); undo(key === "y" || event.shiftKey); }
      return;
    }
    const found = keys.find(([, , key]) => key === (event.key.length === 1 ? event.key.toLowerCase() : event.key));
    if (!found || (event.key === " " && event.target.closest("button"))) return;
    event.preventDefault();
    found[3](event);
  });
}

function togglePlay() {
  if (player.playing) player.pause(); else player.play(Number(byId("speed").value));
  refresh();
}
function changeSpeed(by) {
  const speed = byId("speed");
  speed.selectedIndex = clamp(speed.selectedIndex + by, 0, speed.options.length - 1);
  speed.dispatchEvent(new Event("change"));
}
function nextFace() {
  const rows = visibleRows(player.frame), at = rows.findIndex((row) => row.face === state.face);
  if (rows.length) select(rows[(at + 1) % rows.length].face);
}

function watchControls() {
  byId("play").addEventListener("click", togglePlay);
  byId("back").addEventListener("click", () => player.step(-1));
  byId("next").addEventListener("click", () => player.step(1));
  byId("speed").addEventListener("change", () => {
    if (!player.playing) return;
    player.pause();
    player.play(Number(byId("speed").value));
  });
  byId("loop").addEventListener("click", () => {
    state.loop = !state.loop;
    byId("loop").setAttribute("aria-pressed", state.loop);
    if (state.loop && !state.span) choose(0);
    if (state.loop && state.span) { player.seek(state.span.first); player.play(Number(byId("speed").value)); }
  });
  byId("zoom").addEventListener("click", () => {
    setFollow(!state.follow);
    if (!state.follow) state.view = null;
    showClose();
    refresh();
  });
  const colour = byId("colour");
  for (const [name, words] of meta.colourings) colour.append(new Option(words, name));
  colour.value = state.colour = meta.colourings[0][0];
  colour.addEventListener("change", () => { state.colour = colour.value; showRamp(); refresh(); });
  showRamp();
  for (const box of document.querySelectorAll("[data-layer]"))
    box.addEventListener("change", () => {
      state.layers[box.dataset.layer] = box.checked;
      if (player.video) player.video.muted = !state.layers.sound;
      refresh();
    });
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  window.addEventListener("resize", refresh);
  new ResizeObserver(refresh).observe(byId("stage"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
}

function showRamp() { byId("ramp").hidden = state.colour === "part" || state.colour === "face"; }

function shown(frame) {
  const span = state.span;
  if (state.loop && span && player.playing && (frame >= span.last || frame < span.first)) player.seek(span.first);
  byId("play").textContent = player.playing ? "Pause" : "Play";
  refresh();
}

// ---- Edits ----------------------------------------------------------------------------------------------------------

const queue = [], redone = [];
let sending = false, version = meta.edit ? meta.edit.version : 0, lastEdit = meta.edit ? meta.edit.last : null;

function draggedPoints(point) {
  if (state.tool === "face") return [...Array(68).keys()];
  return state.tool === "part" ? meta.parts.find((part) => part.includes(point)) : [point];
}

function moveRow(drag, dx, dy) {
  drag.changed = true;
  for (const i of drag.indices) {
    drag.row.points[2 * i] = drag.from.points[2 * i] + dx;
    drag.row.points[2 * i + 1] = drag.from.points[2 * i + 1] + dy;
    drag.row.moved[i] = 1;
  }
  drag.row.mark = 1;
}

function pointsOf(row, indices) {
  const round = (value) => Math.round(value * 100) / 100;
  const known = indices.filter((i) => row.points[2 * i] === row.points[2 * i]);
  return Object.fromEntries(known.map((i) => [i, [round(row.points[2 * i]), round(row.points[2 * i + 1])]]));
}

function savePoints(drag) {
  send({ op: "points", frame: drag.frame, face: drag.row.face, points: pointsOf(drag.row, drag.indices) });
}

function mark(as) {
  if (state.face === null) return;
  const row = tracks.find(player.frame, state.face);
  if (!row) { notice(`${faceName(state.face)} is not in this frame.`); return; }
  const now = { 2: "right", 3: "wrong", 4: "absent" }[row.mark];
  send({ op: "mark", frame: player.frame, face: state.face, as: now === as ? "none" : as });
}

function copyFace() {
  if (state.face === null) return;
  for (let frame = player.frame - 1; frame >= 0; frame--) {
    const row = tracks.find(frame, state.face);
    if (row && row.mark !== 3 && row.mark !== 4) {
      send({ op: "points", frame: player.frame, face: state.face, points: pointsOf(row, [...Array(68).keys()]) });
      return;
    }
  }
  notice(`${faceName(state.face)} is in no frame before this one.`);
}

function interpolate() {
  const good = (row) => row && (row.mark === 1 || row.mark === 2);
  const look = (by) => {
    for (let frame = player.frame + by; frame >= 0 && frame < meta.frames; frame += by)
      if (good(tracks.find(frame, state.face))) return frame;
    return null;
  };
  const first = good(tracks.find(player.frame, state.face)) && look(1) === null ? look(-1) : look(-1) ?? player.frame;
  const last = look(1) ?? player.frame;
  const ends = [first, last].map((frame) => frame !== null && good(tracks.find(frame, state.face)));
  if (!ends[0] || !ends[1] || last - first < 2) { notice("Mend a frame before and a frame after the wrong ones, then interpolate."); return; }
  notice("");
  send({ op: "interpolate", face: state.face, first, last });
}

function undo(again) {
  if (again ? redone.length : lastEdit && !sending) send(again ? { op: "redo", of: redone.pop() } : { op: "undo", of: lastEdit });
}

function setTool(tool) {
  state.tool = tool;
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === tool);
}

function ask(title, field) { // resolves with the field's value, or null
  byId("ask-title").textContent = title;
  byId("ask-field").replaceChildren(field);
  byId("ask").returnValue = "";
  byId("ask").showModal();
  return new Promise((resolve) => byId("ask").addEventListener("close", () => resolve(byId("ask").returnValue === "yes" ? field.value : null), { once: true }));
}

async function editFace(what) {
  const face = state.face, others = document.createElement("select");
  for (const one of meta.faces) if (one.id !== face) others.append(new Option(faceName(one.id), one.id));
  if (what === "name") {
    const text = Object.assign(document.createElement("input"), { type: "text", maxLength: 100, value: meta.names[face] || "" });
    const name = await ask(`What is ${faceName(face)} called?`, text);
    if (name !== null) send({ op: "name", face, name });
  } else if (what === "split") {
    send({ op: "split", face, frame: player.frame, new: Math.max(...meta.faces.map((one) => one.id)) + 1 });
  } else if (what === "delete") {
    send({ op: "delete", face });
  } else if (!others.options.length) {
    notice("There is no other face.");
  } else if (what === "merge") {
    const into = await ask(`Which face is ${faceName(face)} too?`, others);
    if (into !== null) send({ op: "merge", face, into: Number(into) });
  } else {
    const other = await ask(`From this frame on, ${faceName(face)} changes places with`, others);
    if (other !== null) send({ op: "swap", face, other: Number(other), frame: player.frame });
  }
}

function send(edit) {
  notice("");
  if (edit.op !== "undo" && edit.op !== "redo") redone.length = 0;
  if (edit.op === "undo") redone.push(edit.of);
  const id = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  queue.push({ id, time: new Date().toISOString(), ...edit });
  flush();
}

async function flush() {
  if (sending || !queue.length) return;
  sending = true;
  saved("Saving…");
  const batch = queue.slice();
  try {
    const answer = await fetch("edits", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ since: version, edits: batch }) });
    if (!answer.ok) throw new Error(await answer.text());
    queue.splice(0, batch.length);
    await take(await answer.json());
  } catch (error) {
    saved(`Not saved: ${error.message || "the server does not answer"}`, true);
    setTimeout(flush, 2000);
  } finally {
    sending = false;
  }
  if (queue.length && !byId("saved").className) flush();
}

async function take(news) { // what has changed since the version that the page has
  version = news.version;
  lastEdit = news.last;
  if (news.unchanged) { saved(savedText()); return; }
  if (news.reload) {
    const all = await (await fetch("data")).json();
    tracks.load(all.table, await inflate(all.rows));
    version = all.version;
  } else if (news.frames.length) tracks.patch(news.frames, new Rows(news.table, await inflate(news.rows)));
  Object.assign(meta, { faces: news.faces, names: news.names, gaps: news.gaps });
  if (!meta.faces.some((face) => face.id === state.face)) // merged or deleted
    state.face = tracks.at(player.frame)[0]?.face ?? meta.faces[0]?.id ?? null;
  if (news.structure) { showLists(); showSmallPictures(meta.video); }
  markDone();
  meta.edit.count = news.count;
  saved(savedText());
  refresh();
}

function savedText() {
  const { count, file } = meta.edit;
  return count ? `Saved · ${plural(count, "edit")} in ${file}` : "Drag a point to put it right; every edit is saved at once";
}

function saved(text, bad) {
  byId("saved").textContent = text;
  byId("saved").className = bad ? "bad" : "";
  byId("undo").disabled = !lastEdit;
  byId("redo").disabled = !redone.length;
}

async function poll() { // another page may edit the same tracks
  if (!sending && !queue.length && !state.drag && !document.hidden) {
    try {
      const answer = await fetch(`edits?since=${version}`);
      if (answer.ok) {
        const news = await answer.json();
        if (news.version !== version && !sending && !queue.length && !state.drag) await take(news);
      }
    } catch { saved("The server does not answer: edits are not saved until it runs again", true); }
  }
  setTimeout(poll, 3000);
}

function watchEdits() {
  byId("edit-bar").hidden = byId("saved").hidden = false;
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => setTool(button.dataset.tool));
  for (const button of document.querySelectorAll("[data-mark]")) button.addEventListener("click", () => mark(button.dataset.mark));
  for (const button of document.querySelectorAll("[data-face]")) button.addEventListener("click", () => editFace(button.dataset.face));
  byId("copy").addEventListener("click", copyFace);
  byId("interpolate").addEventListener("click", interpolate);
  byId("undo").addEventListener("click", () => undo(false));
  byId("redo").addEventListener("click", () => undo(true));
  window.addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });
  setTool("point");
  saved(savedText());
  setTimeout(poll, 3000);
}

// ---- Start ----------------------------------------------------------------------------------------------------------

async function start() {
  byId("title").textContent = meta.title;
  byId("summary").textContent = meta.summary;
  byId("home").hidden = !meta.home;
  if (meta.home) byId("home").href = meta.home;
  if (!("DecompressionStream" in window)) { notice("This browser is too old for this page: it needs one of 2023 or later."); return; }
  tracks.load(meta.table, await inflate(byId("rows").textContent));
  byId("rows").textContent = "";
  meta.events = meta.events.map(([kind, side, face, first, apex, last, offset]) => ({
    kind, side, face, first, last, onset: tracks.times[first], apex: tracks.times[apex], offset,
  }));
  notice(meta.notice);
  const failed = () => { notice(`${meta.notice ? meta.notice + " " : ""}The video cannot be played here (${meta.video}): points are shown on black.`); refresh(); };
  player = new Player(meta.video, shown, failed);
  if (player.video) player.video.addEventListener("loadedmetadata", () => checkVideo(player.video));
  watchControls();
  watchPicture();
  watchLines();
  watchKeys();
  showLists();
  if (meta.edit) watchEdits();
  markDone();
  refresh();
  showSmallPictures(meta.video);
  window.review = { state, tracks, meta, get player() { return player; }, get placed() { return state.placed; } };
  document.body.dataset.ready = "yes";
}

function checkVideo(video) { // is it the video that the tracks are of?
  const shape = video.videoWidth / video.videoHeight, ours = meta.width * meta.aspect / meta.height;
  const length = tracks.times.length ? tracks.times[tracks.times.length - 1] - tracks.times[0] : 0;
  if (Math.abs(shape / ours - 1) > 0.03) notice(`The video is ${video.videoWidth} x ${video.videoHeight}, the tracks are of ${meta.width} x ${meta.height}: it was changed or is another one.`);
  else if (video.duration < length - 1) notice(`The video lasts ${clockText(video.duration)}, the tracks ${clockText(length)}: it was cut or is another one.`);
}

start();
