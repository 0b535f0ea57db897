// Draws every [data-chart] with uPlot: shared cursor, labels at the lines, deploys as marks, incidents as bands.
(() => {
  const THIN = "\u202f";
  const charts = new Map();
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const sync = typeof uPlot === "undefined" ? null : uPlot.sync("golive");

  const compact = (value) => {
    const size = Math.abs(value);
    for (const [unit, sign] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (size >= unit) return `${+(value / unit).toFixed(size / unit < 10 ? 1 : 0)}${sign}`;
    }
    return String(+value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3));
  };
  const say = (value, unit) => {
    if (value == null) return "no data";
    if (unit === "ms") return value >= 1000 ? `${+(value / 1000).toFixed(2)}${THIN}s` : `${+value.toFixed(value < 10 ? 1 : 0)}${THIN}ms`;
    return unit ? `${compact(value)}${THIN}${unit}` : compact(value);
  };
  const two = (n) => String(n).padStart(2, "0");
  const clock = (seconds, withDay) => {
    const d = new Date(seconds * 1000);
    const time = `${two(d.getHours())}:${two(d.getMinutes())}${d.getSeconds() ? `:${two(d.getSeconds())}` : ""}`;
    return withDay ? `${d.toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" })} ${time}` : time;
  };

  const TONES = { ok: "--ok", good: "--ok", warning: "--warning", critical: "--critical", error: "--critical", info: "--info", unknown: "--unknown" };
  const INKS = ["--ink-1", "--ink-2", "--ink-3"];
  const colour = (series, index) => css(TONES[series.tone] || INKS[index % INKS.length]);
  // Bars cannot be dashed as lines are: beyond the inks the same ones come again, lighter.
  const barColour = (series, index) =>
    series.tone === "ok" || (!series.tone && index >= INKS.length) ? `${colour(series, index)}99` : colour(series, index);

  const stacked = (data) => {
    const total = [];
    return data.map((values) => values.map((value, i) => {
      if (value == null) return total[i] ? total[i] : null;
      total[i] = (total[i] || 0) + value;
      return total[i];
    }));
  };

  // Labels at the right end of the lines, pushed apart so that none covers another.
  const labels = (spec) => (u) => {
    const ctx = u.ctx, ratio = devicePixelRatio, height = 13 * ratio;
    const places = [];
    spec.series.forEach((series, i) => {
      const values = u.data[i + 1];
      let last = values.length - 1;
      while (last >= 0 && values[last] == null) last -= 1;
      if (last < 0) return;
      places.push({ text: series.label, y: u.valToPos(values[last], "y", true), ink: colour(series, i) });
    });
    places.sort((a, b) => a.y - b.y);
    const top = u.bbox.top + height / 2, bottom = u.bbox.top + u.bbox.height;
    places.forEach((place, i) => {
      place.y = Math.max(place.y, i ? places[i - 1].y + height : top);
    });
    for (let i = places.length - 1, limit = bottom; i >= 0; i -= 1) {
      if (places[i].y > limit) places[i].y = limit;
      limit = places[i].y - height;
    }
    ctx.save();
    ctx.font = `${11 * ratio}px ${css("--tblr-font-sans-serif") || "sans-serif"}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    places.forEach((place) => {
      ctx.fillStyle = place.ink;
      ctx.fillText(place.text, u.bbox.left + u.bbox.width + 6 * ratio, place.y);
    });
    ctx.restore();
  };

  const bandsBehind = (spec) => (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    spec.bands.forEach((band) => {
      const from = u.valToPos(band.since, "x", true);
      const to = u.valToPos(band.until ?? Date.now() / 1000, "x", true);
      ctx.globalAlpha = 0.1;
      ctx.fillStyle = css("--critical");
      ctx.fillRect(from, bbox.top, Math.max(to - from, 2), bbox.height);
      ctx.globalAlpha = 0.6;
      ctx.fillRect(from, bbox.top, Math.max(to - from, 2), 2 * devicePixelRatio);
    });
    ctx.restore();
  };
  const marksAbove = (spec) => (u) => {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = css("--info");
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    spec.marks.forEach((mark) => {
      const x = Math.round(u.valToPos(mark.at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) return;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x - 4 * ratio, bbox.top - 5 * ratio);
      ctx.lineTo(x + 4 * ratio, bbox.top - 5 * ratio);
      ctx.lineTo(x, bbox.top + ratio);
      ctx.fill();
    });
    ctx.restore();
  };

  // Marks and bands near the cursor, for the tooltip and for a click.
  const nearby = (u, spec) => {
    const { left, idx } = u.cursor;
    if (left == null || left < 0 || idx == null) return [];
    const marks = spec.marks.filter((mark) => Math.abs(u.valToPos(mark.at, "x") - left) < 7);
    const at = u.posToVal(left, "x");
    const bands = spec.bands.filter((band) => at >= band.since && at <= (band.until ?? Infinity));
    return [...marks, ...bands];
  };

  const tooltip = (spec, raw) => {
    const box = document.createElement("div");
    box.className = "chart-tip";
    const row = (text, value, ink) => {
      const line = document.createElement("div");
      if (ink) {
        const key = document.createElement("i");
        key.style.background = ink;
        line.append(key);
      }
      const name = document.createElement("span");
      name.textContent = text;
      line.append(name);
      if (value !== undefined) {
        const number = document.createElement("b");
        number.textContent = value;
        line.append(number);
      }
      return line;
    };
    return {
      hooks: {
        init: (u) => u.over.append(box),
        setCursor: (u) => {
          const { left, idx } = u.cursor;
          if (left == null || left < 0 || idx == null) return box.classList.remove("shown");
          const rows = [row(clock(u.data[0][idx], true))];
          spec.series.forEach((series, i) => rows.push(row(series.label, say(raw[i][idx], spec.unit), colour(series, i))));
          nearby(u, spec).forEach((thing) => rows.push(row(thing.label)));
          box.replaceChildren(...rows);
          box.classList.add("shown");
          const right = left > u.over.clientWidth / 2;
          box.style.transform = `translate(${Math.round(right ? left - box.offsetWidth - 12 : left + 12)}px, 4px)`;
          u.over.style.cursor = nearby(u, spec).some((thing) => thing.link) ? "pointer" : "";
        },
      },
    };
  };

  const draw = (figure) => {
    const spec = JSON.parse(figure.dataset.chart);
    const raw = spec.series.map((series) => series.values);
    const bars = spec.draw === "bars";
    figure.querySelector(".chart-room")?.remove();
    let place = figure.querySelector(".chart-plot");
    if (!place) {
      place = document.createElement("div");
      place.className = "chart-plot";
      figure.append(place);
    }
    place.replaceChildren();
    if (!spec.times.length || raw.every((values) => values.every((value) => value == null))) {
      place.classList.add("chart-empty");
      place.style.height = `${spec.height}px`;
      place.textContent = "No data in this stretch";
      charts.set(figure, null);
      return;
    }
    place.classList.remove("chart-empty");
    place.style.height = "";
    const shown = bars ? stacked(raw) : raw;
    const narrow = figure.clientWidth < 400;
    const endLabels = !bars && spec.series.length > 1 && !narrow;
    const longest = Math.max(...spec.series.map((series) => series.label.length));
    const axis = { stroke: css("--muted"), font: `11px ${css("--tblr-font-sans-serif") || "sans-serif"}`,
      grid: { stroke: css("--grid"), width: 1 }, ticks: { show: false } };
    const long = spec.times.at(-1) - spec.times[0] > 36 * 3600;
    const order = spec.series.map((_, i) => i);
    if (bars) order.reverse(); // the tallest stack is drawn first
    const step = spec.times.length > 1 ? spec.times[1] - spec.times[0] : 60;
    const options = {
      width: Math.max(figure.clientWidth, 120),
      height: spec.height,
      padding: [12, endLabels ? Math.min(14 + longest * 6.2, 130) : 12, 0, 0],
      legend: { show: false },
      cursor: { sync: sync ? { key: sync.key, setSeries: false } : undefined, points: { size: 6 },
        drag: { x: Boolean(spec.selectLink), y: false, setScale: false } },
      scales: {
        x: { time: true, range: (_, min, max) => bars ? [min - step / 2, max + step / 2] : [min, Math.max(max, min + 1)] },
        y: { range: (_, min, max) => {
          if (min == null || max == null) return [0, 1];
          const low = spec.fromZero ? Math.min(0, min) : min - (max - min || 1) * 0.1;
          return [low, max <= low ? low + 1 : max + (max - low) * 0.08];
        } },
      },
      axes: [
        { ...axis, size: 26, space: 70, values: (_, ticks) => ticks.map((tick) => {
          if (!long) return clock(tick, false);
          const d = new Date(tick * 1000);
          return d.getHours() || d.getMinutes() ? clock(tick, false) : d.toLocaleDateString(undefined, { day: "numeric", month: "short" });
        }) },
        { ...axis, size: 52, space: 32, values: (_, ticks) => ticks.map((tick) => say(tick, spec.unit)) },
      ],
      series: [{}, ...order.map((i) => {
        const ink = colour(spec.series[i], i);
        return bars
          ? { stroke: ink, fill: barColour(spec.series[i], i), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.82, 40], gap: 1 }) }
          : { stroke: ink, width: 1.6, dash: !spec.series[i].tone && i > 2 ? [5, 3] : undefined, spanGaps: false,
              points: { show: spec.times.length < 3, size: 4 } };
      })],
      plugins: [tooltip(spec, raw)],
      hooks: {
        drawClear: [bandsBehind(spec)],
        draw: [marksAbove(spec), ...(endLabels ? [labels(spec)] : [])],
        setSelect: [(u) => {
          if (!spec.selectLink || u.select.width < 4) return;
          const since = Math.floor(u.posToVal(u.select.left, "x")), until = Math.ceil(u.posToVal(u.select.left + u.select.width, "x"));
          location.assign(spec.selectLink.replace("{since}", since).replace("{until}", until));
        }],
        ready: [(u) => u.over.addEventListener("click", () => {
          const thing = nearby(u, spec).find((one) => one.link);
          if (thing && u.select.width < 4) location.assign(thing.link);
        })],
      },
    };
    charts.set(figure, new uPlot(options, [spec.times, ...order.map((i) => shown[i])], place));
    if ((narrow || bars) && spec.series.length > 1) legend(figure, spec);
  };

  const legend = (figure, spec) => {
    let list = figure.querySelector(".chart-legend");
    if (!list) {
      list = document.createElement("ul");
      list.className = "chart-legend";
      figure.append(list);
    }
    list.replaceChildren(...spec.series.map((series, i) => {
      const item = document.createElement("li"), key = document.createElement("i");
      key.style.background = (spec.draw === "bars" ? barColour : colour)(series, i);
      item.append(key, series.label);
      return item;
    }));
  };

  const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    const chart = charts.get(target);
    const width = Math.floor(target.clientWidth);
    if (chart && width > 0 && Math.abs(chart.width - width) > 1) chart.setSize({ width, height: chart.height });
  }));
  const all = (root) => {
    charts.forEach((chart, figure) => {
      if (figure.isConnected) return;
      chart?.destroy();
      watch.unobserve(figure);
      charts.delete(figure);
    });
    root.querySelectorAll("[data-chart]").forEach((figure) => {
      if (charts.has(figure)) return;
      draw(figure);
      watch.observe(figure);
    });
  };
  const start = () => {
    if (typeof uPlot === "undefined") return;
    all(document);
    document.addEventListener("htmx:afterSettle", () => all(document));
    document.addEventListener("golive:theme", () => charts.forEach((chart, figure) => {
      chart?.destroy();
      draw(figure);
    }));
  };
  start();
})();
