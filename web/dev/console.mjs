// The mock daemon's consoles, measured machines and surroundings.

const ESC = "\x1b";

/** The text of a line: a training loop's, with all that a console must show and withstand now and then. */
function textOf(number) {
  const step = number * 10;
  if (number === 0) return `${ESC}[1mtrackd${ESC}[0m: run ${ESC}[4mhttp://127.0.0.1:7733/p/machine${ESC}[0m`;
  if (number % 97 === 13)
    return `<img src=x onerror="document.title='owned'"> <b>not bold</b> ${ESC}]0;title\x07 ${ESC}[2J`;
  if (number % 97 === 14) return `${ESC}[33mwarning${ESC}[0m: gradient norm ${(number % 7) + 3}.2 was clipped to 1.0`;
  if (number % 97 === 15) {
    const ramp = Array.from(
      { length: 36 },
      (_, i) => `${ESC}[38;2;${i * 7};${255 - i * 7};${(i * 40) % 256}m#${ESC}[0m`,
    );
    const cube = Array.from({ length: 36 }, (_, i) => `${ESC}[38;5;${16 + i * 6}m@${ESC}[0m`);
    return `${ramp.join("")} ${cube.join("")} ${ESC}[7minverse${ESC}[0m ${ESC}[2mdim${ESC}[0m ${ESC}[3mitalic${ESC}[0m`;
  }
  if (number % 97 === 16) {
    const names = Array.from(
      { length: 8 },
      (_, i) => `${ESC}[3${i}mfront${i}${ESC}[9${i}mbright${ESC}[0;4${i}mback${ESC}[0m`,
    );
    return names.join(" ");
  }
  if (number % 97 === 17) return "\ttabbed\tcolumns, then nothing:";
  if (number % 97 === 18) return "";
  if (number % 97 === 50)
    return `{"epoch": ${step}, "metrics": {${'"layer.weight.norm": 0.12345, '.repeat(24)}"end": true}}`;
  if (number % 41 === 7) return `epoch ${Math.floor(step / 400)}: ${"━".repeat(30)} ${ESC}[32m100%${ESC}[0m 0:00:04`;
  return `step ${step} loss=${(2.3 * Math.exp(-number / 5000)).toFixed(4)} lr=0.001`;
}

const lineOf = (writer, number) => [
  number,
  number % 97 === 14 || number % 53 === 0 ? "stderr" : "stdout",
  writer.start + number * 40,
  writer.texts.get(number) ?? textOf(number),
];

/** Lets every writer of a run print more lines. */
export function printing(run, count) {
  if (!run.console) {
    const process = (pid) => ({ pid, host: "workstation", program: "train.py", arguments: [] });
    const writer = (writer_id, label, role, pid) => ({
      writer_id,
      role,
      label,
      client: "python 0.3.0",
      process: process(pid),
      open: run.brief.state === "running",
      row_count: 1200,
      metrics: ["train/loss", "lr"],
      next_step: 1200,
      update_time_unix_ms: Date.now() - 4000,
      console_line_count: 0,
    });
    run.whole.writers = [
      writer("w0", "rank 0", "primary", 4000),
      writer("w1", "rank 1", "shared", 4001),
      { ...writer("o", "", "observer", 1), console_line_count: 0 },
    ];
    run.console = new Map(["w0", "w1"].map((id) => [id, { start: run.brief.create_time_unix_ms, texts: new Map() }]));
  }
  run.whole.writers[0].console_line_count += count;
  run.whole.writers[1].console_line_count = Math.floor(run.whole.writers[0].console_line_count / 10);
  // A progress bar: the last line but one is written anew again and again.
  const last = run.whole.writers[0].console_line_count - 2;
  run.console.get("w0").texts.clear();
  run.console.get("w0").texts.set(last, `progress ${Math.round(performance.now() / 100) % 100} % of an epoch`);
}

export function answerConsole(response, run, query, sendJson, refuse) {
  const writers = run.whole.writers ?? [];
  const wanted = query.get("writer");
  const writer = wanted
    ? writers.find(({ writer_id }) => writer_id === wanted)
    : writers.find((one) => one.console_line_count > 0);
  if (!writer) return sendJson(response, { writer_id: "", line_count: 0, next_line: null, lines: [] });
  const count = writer.console_line_count;
  const limit = Number(query.get("limit") ?? 0) || 1000;
  const pattern = query.get("pattern");
  const held = run.console.get(writer.writer_id);
  const from = query.has("first_line") ? Number(query.get("first_line")) : pattern ? 0 : Math.max(0, count - limit);
  let matches = () => true;
  if (pattern) {
    try {
      const expression = new RegExp(pattern.replace(/^\(\?i\)/, ""), "iu");
      matches = ([, , , text]) => expression.test(text.replaceAll(/\x1b\[[0-9;:]*m/g, ""));
    } catch (error) {
      return refuse(
        response,
        400,
        "INVALID_ARGUMENT",
        `pattern '${pattern}' is no regular expression: ${error.message}`,
      );
    }
  }
  const lines = [];
  let number = from;
  for (; number < count && lines.length < limit; number++) {
    const line = lineOf(held, number);
    if (matches(line)) lines.push(line);
  }
  const next_line = number < count ? number : null;
  return sendJson(response, { writer_id: writer.writer_id, line_count: count, next_line, lines });
}

const GIB = 2 ** 30;

/** Takes samples of a made-up machine. */
export function machine(run, sampleCount, gpuCount, coreCount) {
  const host = "node7";
  let values;
  for (let index = 0; index < sampleCount; index++) {
    const at = (run.samples = (run.samples ?? -1) + 1);
    const wave = (speed, shift = 0) => 0.5 + 0.5 * Math.sin(at / speed + shift);
    values = {
      "system.cpu.utilization": 0.2 + 0.3 * wave(20),
      "system.cpu.load_average.1m": 3 + 2 * wave(30),
      "system.cpu.load_average.5m": 3 + wave(50),
      "system.cpu.load_average.15m": 3,
      "system.memory.usage": (20 + 8 * wave(80)) * GIB,
      "system.memory.limit": 64 * GIB,
      "system.memory.utilization": (20 + 8 * wave(80)) / 64,
      "system.paging.usage": 0,
      "system.disk.io.read_rate": 90e6 * wave(7),
      "system.disk.io.write_rate": 12e6 * wave(11),
      "system.filesystem.usage//": 120 * GIB,
      "system.filesystem.usage//data": (900 + at) * GIB,
      "system.network.io.receive_rate": 2e6 * wave(9),
      "system.network.io.transmit_rate": 3e5 * wave(13),
      "hw.temperature/coretemp": 55 + 9 * wave(15),
      "process.count": 5,
      "process.thread.count": 61,
      "process.cpu.utilization": 2.5 + wave(10),
      "process.cpu.limit": coreCount,
      "process.cpu.limit.utilization": (2.5 + wave(10)) / coreCount,
      "process.memory.usage": (6 + wave(40)) * GIB,
      "process.memory.limit": 64 * GIB,
      "process.open_file_descriptor.count": 188,
      "process.something.new": at,
    };
    for (let core = 0; core < coreCount; core++) values[`system.cpu.utilization/${core}`] = wave(9 + core, core);
    for (let gpu = 0; gpu < gpuCount; gpu++) {
      values[`hw.gpu.utilization/${gpu}`] = 0.9 + 0.1 * wave(3 + gpu, gpu);
      values[`hw.gpu.memory.usage/${gpu}`] = (60 + gpu + 4 * wave(60)) * GIB;
      values[`hw.gpu.memory.limit/${gpu}`] = 80 * GIB;
      values[`hw.gpu.temperature/${gpu}`] = 61 + gpu + 3 * wave(20);
      values[`hw.gpu.power/${gpu}`] = 340 + 50 * wave(5, gpu);
      values[`hw.gpu.power.limit/${gpu}`] = 700;
      values[`hw.gpu.clock.graphics/${gpu}`] = 1.41e9 + 1e8 * wave(8);
    }
    for (const [name, value] of Object.entries(values)) {
      const key = `_system/${host}/${name}`;
      let series = run.series.get(key);
      if (!series) run.series.set(key, (series = { step: [], time: [], y: [] }));
      series.step.push(at);
      series.time.push(run.brief.create_time_unix_ms / 1000 + at * 2);
      series.y.push(value);
    }
  }
  run.whole.system_metrics = { [host]: values };
}

export function surroundings(run) {
  run.whole.environment = {
    "git.commit": "d6deaed0bcd03a5f453b0f873db87855550aa11e",
    "git.branch": "feature/longer-warmup",
    "git.remote": "https://git.example.org/vision/segmentation.git",
    "git.is_dirty": true,
    "git.untracked_count": 2,
    "python.version": "3.12.8",
    "python.implementation": "cpython",
    "python.executable": "/home/ada/venv/bin/python",
    "os.name": "Linux 6.8.0 x86_64",
    "os.description": "Debian GNU/Linux 13 (trixie)",
    "process.folder": "/home/ada/segmentation",
    "machine.cpu": "AMD EPYC 9554",
    "library.torch": "2.9.1",
    "library.numpy": "2.3.5",
    "environment.CUDA_VISIBLE_DEVICES": "0,1,2,3",
    "environment.OMP_NUM_THREADS": "8",
    "capture.problems": "requirements: no package metadata in 2 folders",
  };
  const file = (path, size_bytes) => ({ path, size_bytes, sha256: "0".repeat(64), purpose: "code" });
  run.whole.files = [file("diff.patch", 4012), file("requirements.txt", 2200), file("code/train.py", 900)];
  run.whole.alerts = [
    { title: "run started late", text: "", level: "INFO", time_unix_ms: Date.now() - 500_000 },
    {
      title: "hw.gpu.utilization/* < 0.1 for 10m",
      text: "GPU 3 idles",
      level: "WARN",
      time_unix_ms: Date.now() - 90_000,
    },
    { title: "nan(loss)", text: "loss is NaN at step 1,204", level: "ERROR", time_unix_ms: Date.now() - 30_000 },
  ];
  run.brief.forked_from = { project: "demo", run_id: "demo-003", last_step: 1200 };
  run.brief.rewinds = [{ time_unix_ms: Date.now() - 800_000, last_step: 900, masked_point_count: 4210 }];
}
