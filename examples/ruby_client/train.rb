# A run of fifteen lines. First: ./generate.sh; and a daemon: python -m trackd_service --store FOLDER --detach, with TRACKD_STORE=FOLDER here.
require_relative "trackd"

run = Trackd.init(project: "ruby", name: "first steps", config: { lr: 0.5, layers: [64, 32] }, tags: ["ruby"])
run.define_metric("loss", summary: "min,last")
weights = Array.new(200) { rand - 0.5 }
50.times do |epoch|
  weights.map! { |w| w * 0.9 + (rand - 0.5) * 0.05 }
  loss = weights.sum { |w| w * w }
  run.log({ loss: loss, epoch: epoch, weights: Trackd.histogram(weights) })
  run.console("epoch #{epoch} loss #{loss.round(4)}\n")
end
run.log({ picture: Trackd.image((0...32 * 32).map { |i| i % 256 }, [32, 32, 1]), words: Trackd.table(%w[word count], [["one", 1], ["two", 2]]) })
run.alert("trained", "without an accident")
run.finish
