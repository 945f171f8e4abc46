# The driver of the conformance suite (conformance/README.md): one action a line from stdin, one answer a line on stdout.
require_relative "trackd"

VALUES = {
  "float" => ->(v) { { "nan" => Float::NAN, "inf" => Float::INFINITY, "-inf" => -Float::INFINITY }[v["value"].to_s] || v["value"].to_f },
  "int" => ->(v) { v["value"].to_i },
  "image" => ->(v) { Trackd.image(v["pixels"] || [v["fill"]] * v["shape"].inject(:*), v["shape"]) },
  "histogram" => ->(v) { Trackd.histogram(v["values"].map { |item| item.to_f }, bins: v["bins"] || 64) },
  "table" => ->(v) { Trackd.table(v["columns"], v["rows"].map { |row| row.map { |cell| decode(cell) } }) },
  "object3d" => ->(v) { Trackd.points(v["points"]) }
}.freeze

def decode(value)
  case value
  when Array then value.map { |item| decode(item) }
  when Hash then value.key?("$") ? VALUES.fetch(value["$"]).call(value) : value.transform_values { |item| decode(item) }
  else value
  end
end

def options(action, *names) = names.filter_map { |name| [name.to_sym, action[name]] unless action[name].nil? }.to_h

def act(action)
  case action["do"]
  when "init"
    @run = Trackd.init(**options(decode(action), *%w[project id name config tags group job_type notes label mode]))
  when "log" then @run.log(decode(action["data"]), **options(action, "step", "commit"))
  when "log_many"
    key = action["key"]
    action["count"].times { |n| @run.log(action["alternate"] && n.odd? ? { key => n, "#{key}_odd" => true } : { key => n }) }
  when "config", "summary" then @run.public_send(action["do"], decode(action["set"]))
  when "define_metric" then @run.define_metric(action["name"], **options(action, "step_metric", "summary", "goal", "hidden"))
  when "alert" then @run.alert(action["title"], action["text"] || "", **options(action, "level"))
  when "console" then @run.console(action["text"], action["stream"] || "stdout")
  when "flush" then @run.flush(action["timeout_seconds"] || 20)
  when "finish" then @run.finish(action["exit_code"] || 0)
  else raise Trackd::UsageError, "no action #{action["do"]}"
  end
end

KINDS = { Trackd::UsageError => "usage", Trackd::ValueError => "value", Trackd::TimeoutError => "timeout" }.freeze

$stdout.sync = true
$stdin.each_line do |line|
  act(JSON.parse(line))
  puts JSON.generate(ok: true)
rescue *KINDS.keys => error
  puts JSON.generate(error: { kind: KINDS[error.class], message: error.message })
end
