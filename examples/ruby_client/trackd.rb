# A client of trackd on one page, written from docs/protocol.md alone: `log` only queues, one thread appends what has gathered.
$LOAD_PATH.unshift File.join(__dir__, "generated")
%w[grpc json securerandom socket google/rpc/error_details_pb google/protobuf/well_known_types
   trackd/v1/ingest_service_services_pb trackd/v1/run_service_services_pb].each { |name| require name }
require_relative "values"

module Trackd
  UsageError, TimeoutError = Class.new(StandardError), Class.new(StandardError)

  def self.init(**options) = Run.new(**options).tap { |run| at_exit { run.finish(($!&.is_a?(SystemExit) ? $!.status : $! && 1).to_i) } }

  class Run
    BATCH_BYTES, BATCH_RECORDS, MEMORY_BYTES, DEADLINE_SECONDS = 3 << 20, 5_000, 256 << 20, 5
    AGAIN, ONCE = %w[Cancelled DeadlineExceeded Aborted Unavailable Unauthenticated], %w[Unimplemented Internal]
    Item = Struct.new(:record, :objects, :size)

    def initialize(project:, id: SecureRandom.hex(4), config: nil, tags: nil, label: nil, mode: nil, **start) # name, notes, group, job_type
      @role = { nil => :WRITER_ROLE_PRIMARY, "shared" => :WRITER_ROLE_SHARED }[mode] or raise ValueError, "the mode #{mode} is not known"
      @store, @pid, @writer_id = ENV["TRACKD_STORE"] || File.expand_path("~/.local/state/trackd"), Process.pid, SecureRandom.hex(16)
      @lock_file = File.open(File.join(@store, "daemon.lock")) rescue raise(UsageError, "no daemon has run in #{@store} yet")
      @identity, @label = V1::RunIdentity.new(project: project, run_id: id), label.to_s
      @start = V1::RunUpdate.new({ **start, tags: tags && V1::TagList.new(tags: tags) }.compact)
      @mutex, @changed, @most, @line, @lines = Mutex.new, ConditionVariable.new, BATCH_RECORDS, 0, {}
      @queue, @bytes, @acknowledged, @added, @settled, @dropped, @waiting = [], 0, 0, 0, 0, 0, 0
      self.config(config) if config
      Thread.new { work }
      wait(DEADLINE_SECONDS) { @open || @failed } # to raise what is refused; without a daemon the run begins all the same
      raise UsageError, @failed if @failed
    end

    def log(values, step: nil, commit: nil)
      Trackd.check(step.nil? || (step.is_a?(Integer) && step.between?(0, 2**63 - 1)), "the step #{step} is not in 0 to 2^63-1")
      write(Trackd.flatten(values)) { |entries| { row: V1::Row.new({ values: entries, step: step, commit: commit }.compact) } }
    end

    def config(values) = write(values) { |entries| { config_update: V1::ConfigUpdate.new(set: entries) } }
    def summary(values) = write(Trackd.flatten(values)) { |entries| { summary_update: V1::SummaryUpdate.new(set: entries) } }
    def alert(title, text = "", level: "info") = add(alert: V1::Alert.new(title: title, text: text, level: :"ALERT_LEVEL_#{level.upcase}"))

    def define_metric(name, step_metric: nil, summary: "", goal: nil, hidden: nil)
      kinds = summary.split(",").map { |kind| :"SUMMARY_KIND_#{kind.strip.upcase}" }
      fields = { name: name, step_metric: step_metric, summary_kinds: kinds, goal: goal && :"GOAL_#{goal.upcase}", hidden: hidden }
      add(metric_definition: V1::MetricDefinition.new(fields.compact))
    end

    def console(text, stream = "stdout") # a line keeps its number until it ends; what follows a \r replaces what was before
      number, begun = @lines.delete(stream)
      *ended, open = "#{begun}#{Trackd.text(text)}".split("\n", -1)
      [*ended, *open].each_with_index do |line, i|
        next if line.empty? && i == ended.size
        number = (@line += 1) - 1 unless number && i.zero?
        @lines[stream] = [number, line[/[^\r]*\r*\z/]] if i == ended.size
        line = { stream: :"CONSOLE_STREAM_#{stream.upcase}", first_line: number, lines: [line.split("\r").last.to_s] }
        add(console_lines: V1::ConsoleLines.new(line))
      end
    end

    def flush(timeout = 20)
      target = @added
      wait(timeout) { @settled >= target } or raise TimeoutError, "#{target - @settled} records are not durable after #{timeout} s"
    end

    def finish(exit_code = 0, timeout: 30)
      return if @finish || Process.pid != @pid # a forked child has to begin a run, or a writer, of its own
      @finish = V1::WriterFinish.new(exit_code: exit_code)
      wait(timeout) { @ended || @failed } or warn "trackd: not finished after #{timeout} s, #{@queue.size} records may be lost"
      warn "trackd: #{@dropped} records were dropped. #{@failed}" if @dropped.positive? || @failed
    end

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def wait(seconds) # until the block says yes; the thread hurries meanwhile
      deadline = now + seconds
      @mutex.synchronize do
        @waiting += 1
        @changed.broadcast
        @changed.wait(@mutex, deadline - now) until (done = yield) || now >= deadline
        @waiting -= 1
        done
      end
    end

    def write(pairs) # queues what can be written, then raises for what cannot
      parts = Parts.new("".b, [])
      entries, sentences = Trackd.entries(pairs, parts)
      add(parts, **yield(entries)) if entries.any? || sentences.empty?
      raise ValueError, sentences.join("; ") if sentences.any?
    end

    def add(parts = nil, **kind)
      raise UsageError, "the run #{@identity.run_id} has finished: it takes nothing more" if @finish
      record = V1::Record.new(time_unix_nanos: Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond), **kind)
      record.data_inline = parts.inline unless parts.nil? || parts.inline.empty?
      item = Item.new(record, parts ? parts.objects : [], V1::Record.encode(record).bytesize)
      Trackd.check(item.size < 4_000_000, "a record of #{item.size} bytes does not fit into a message")
      @mutex.synchronize do
        next drop("its run cannot go on, or the memory is full") if @failed || Process.pid != @pid || @bytes + memory(item) > MEMORY_BYTES
        @queue << item
        @bytes, @added = @bytes + memory(item), @added + 1
        @changed.broadcast if @queue.size == 1
      end
    end

    def memory(item) = item.size + 512 + item.objects.sum(&:bytesize)

    def drop(why, count = 1)
      warn "trackd: a record was dropped: #{why}" if @dropped.zero? && count.positive?
      @dropped += count
    end

    def settle(count) # the first records of the queue are done with
      @queue.shift(count).each { |item| @bytes, @settled = @bytes - memory(item), @settled + 1 }
      @changed.broadcast
    end

    def work
      pause, batch = 0.1, []
      until @ended || @failed
        begin
          connect unless @ingest
          open_run unless @open
          @mutex.synchronize { @changed.wait(@mutex, 300) if @queue.empty? && !@finish } # who is silent for 600 s counts as gone
          sleep 0.03 # something gathers
          size = 0
          batch = @mutex.synchronize { @queue.first(@most) }.take_while { |item| (size += item.size + 8) < BATCH_BYTES || size == item.size + 8 }
          batch.empty? && @finish ? finish_run : append(batch)
          pause, @tried, @most = 0.1, false, [@most * 2, BATCH_RECORDS].min
        rescue GRPC::BadStatus, SystemCallError, JSON::ParserError => error
          next unless again?(error, batch)
          start, pause = now, [pause * rand(1.5..2.5), 30].min
          until (left = start + (@waiting.zero? ? pause : [pause, 1].min) - now) <= 0 # at most a second while somebody waits
            @mutex.synchronize { @changed.wait(@mutex, left) }
          end
        end
      end
    end

    def connect # anew after a failure of the transport: the next daemon may have another address and token
      endpoint = JSON.parse(File.read(File.join(@store, "endpoint.json")))
      @metadata = { "authorization" => "Bearer #{endpoint["token"]}" }
      stub = { channel_args: { "grpc.use_local_subchannel_pool" => 1 } }
      @runs = V1::RunService::Stub.new(endpoint["grpc_address"], :this_channel_is_insecure, **stub)
      @ingest = V1::IngestService::Stub.new(endpoint["grpc_address"], :this_channel_is_insecure, **stub)
    end

    def call(seconds = DEADLINE_SECONDS) = { metadata: @metadata, deadline: Time.now + seconds }

    def open_run
      process = V1::Process.new(pid: @pid, host: ENV["TRACKD_HOST"] || Socket.gethostname, program: $PROGRAM_NAME, arguments: ARGV)
      writer = { writer_id: @writer_id, role: @role, label: @label, start: @start, process: process, client: "ruby 0.1.0" }
      @runs.create_run(V1::CreateRunRequest.new(begin: V1::WriterBegin.new(run: @identity, **writer)), **call)
      @mutex.synchronize { (@open = true) && @changed.broadcast }
    end

    def append(items) # an empty batch is a sign of life
      items.flat_map(&:objects).each do |bytes|
        chunks = (0...bytes.bytesize).step(1 << 20).lazy.map { |at| V1::PutObjectRequest.new(chunk: bytes.byteslice(at, 1 << 20)) }
        @ingest.put_object(chunks, **call(60))
      end
      batch = V1::RecordBatch.new(first_sequence: @acknowledged + 1, records: items.map(&:record))
      answer = @ingest.append(V1::AppendRequest.new(run: @identity, writer_id: @writer_id, batch: batch), **call)
      acknowledge(answer.acknowledged_sequence)
    end

    def finish_run
      finish = { run: @identity, writer_id: @writer_id, sequence: @acknowledged + 1, finish: @finish }
      health = @runs.finish_run(V1::FinishRunRequest.new(finish), **call).run.ingest_health
      warn "trackd: #{health.refused_count} values were refused: #{health.message}" if health.refused_count.positive?
      @mutex.synchronize { (@ended = true) && @changed.broadcast }
    end

    def acknowledge(sequence)
      warn "trackd: the daemon has lost the records behind #{sequence}" if sequence < @acknowledged
      @mutex.synchronize { settle([sequence - @acknowledged, 0].max) && @acknowledged = sequence }
    end

    def again?(error, batch) # the table of errors: whether to wait before the next try
      code = error.class.name.delete_prefix("GRPC::")
      details = error.is_a?(GRPC::BadStatus) && error.to_rpc_status&.details || []
      info = details.filter_map { |detail| detail.unpack(Google::Rpc::ErrorInfo) }.first
      case info&.reason
      when "SEQUENCE_GAP" then acknowledge(info.metadata["acknowledged_sequence"].to_i)
      when "WRITER_NOT_FOUND" then @open = nil
      else
        return refuse(error, batch) if error.is_a?(GRPC::BadStatus) && !AGAIN.include?(code) && (@tried || !ONCE.include?(code))
        @ingest, @tried = nil, ONCE.include?(code)
      end
      true
    end

    def refuse(error, batch)
      return (@most = batch.size / 2) && false if @open && batch.size > 1 # what is wrong is one of them
      whole = !@open || batch.empty? # the run itself is refused
      @mutex.synchronize do
        @failed = error.details if whole
        drop(error.details, whole ? @queue.size : 1)
        settle(whole ? @queue.size : 1) # those behind it move up: sequences have no gaps
      end
      false
    end
  end
end
