# What can be logged: plain values, and typed records whose bytes are copied and left to the daemon to encode (docs/protocol.md).
require "digest"
require "json"

module Trackd
  ValueError = Class.new(ArgumentError)
  Typed = Struct.new(:kind, :build) # a typed record; build.(parts) copies its bytes into parts and gives its message

  Parts = Struct.new(:inline, :objects) do # the bytes of one record: 1 MiB inside of it, what is more sent before it, as objects
    def array(dtype, shape, bytes)
      inline << "\0" * (-inline.bytesize % 8)
      if inline.bytesize + bytes.bytesize > 1 << 20
        payload = { sha256: Digest::SHA256.hexdigest(objects.push(bytes.dup).last) }
      else
        payload = { range: V1::ByteRange.new(offset: inline.bytesize, size_bytes: bytes.bytesize) }
        inline << bytes.b
      end
      V1::Array.new(dtype: dtype, shape: shape, data: V1::Payload.new(payload))
    end
  end

  module_function

  def check(holds, sentence) = holds || raise(ValueError, sentence)

  def image(pixels, shape, caption: "") = Typed.new(:image, lambda { |parts| # pixels 0 to 255; shape: height, width, channels
    check(pixels.size == shape.inject(:*) && pixels.all?(0..255), "#{pixels.size} pixels of 0 to 255 do not make the shape #{shape}")
    V1::Image.new(raw: parts.array("|u1", shape, pixels.pack("C*")), caption: caption) })

  def histogram(values, bins: 64) = Typed.new(:histogram, lambda { |parts|
    check((1..512).cover?(bins), "a histogram has 1 to 512 bins, not #{bins}")
    V1::Histogram.new(raw: parts.array("<f8", [values.size], values.pack("E*")), bin_count: bins) })

  def points(rows, caption: "") = Typed.new(:object_3d, lambda { |parts| # x, y, z, with a category, or with red, green, blue
    check([[3], [4], [6]].include?(rows.map(&:size).uniq), "points have 3, 4 or 6 numbers each")
    array = parts.array("<f8", [rows.size, rows[0].size], rows.flatten.pack("E*"))
    V1::Object3D.new(scene: V1::Scene3D.new(points: array), caption: caption) })

  def table(columns, rows) = Typed.new(:table, lambda { |parts|
    check(rows.all? { |row| row.size == columns.size }, "a row of a table has not the #{columns.size} cells of its columns")
    V1::Table.new(row_count: rows.size, columns: columns.each_with_index.map { |name, i|
      cells = rows.map { |row| row[i].nil? ? V1::Value.new : value(row[i], parts) }
      V1::TableColumn.new(name: name, values: V1::CellList.new(cells: cells)) }) })

  def text(object) = object.to_s.encode("UTF-8", invalid: :replace, undef: :replace).scrub.tap { |text|
    check(text.bytesize <= 1 << 20, "a text of #{text.bytesize} bytes is over the limit of 1 MiB") }

  def value(object, parts)
    kinds = object.is_a?(Array) ? object.map { |item| item.is_a?(Typed) && item.kind }.uniq : []
    V1::Value.new(case object
                  when true, false then { bool_value: object }
                  when Numeric then object.is_a?(Integer) && object.bit_length < 64 ? { int_value: object } : { double_value: object.to_f }
                  when String, Symbol then { string_value: text(object) }
                  when Typed then { record_value: V1::TypedRecord.new(object.kind => object.build.(parts)) }
                  else kinds.size == 1 && kinds[0] ? { record_value: list(object, parts) } : { json_value: text(json(object)) }
                  end)
  end

  def list(typed, parts)
    V1::TypedRecord.new(list: V1::RecordList.new(records: typed.map { |item| value(item, parts).record_value }))
  end

  def json(object) = JSON.generate(plain(object), allow_nan: true)

  def plain(object) # what is not JSON goes as its text; numbers that JSON has not go as NaN, Infinity and -Infinity
    case object
    when Hash then object.to_h { |key, item| [key.to_s, plain(item)] }
    when Array then object.map { |item| plain(item) }
    when nil, true, false, Numeric then object
    else check(!object.is_a?(Typed), "a typed record stands alone or in a list of one kind") && text(object)
    end
  end

  def flatten(values, prefix = "") = values.flat_map { |key, item|
    item.is_a?(Hash) && item.any? ? flatten(item, "#{prefix}#{key}.") : [["#{prefix}#{key}", item]] }

  def entries(pairs, parts) # the entries that can be, and for the others sentences that say why not
    sentences = []
    entries = pairs.filter_map do |key, item|
      check(key.to_s.bytesize.between?(1, 512), "a key has 1 to 512 bytes")
      check(!key.start_with?("_system/", "_console/"), "such keys are the daemon's own")
      V1::Entry.new(key: text(key), value: value(item, parts))
    rescue ArgumentError, TypeError, RangeError => error
      (sentences << "#{key.inspect}: #{error.message}") && nil
    end
    [entries, sentences]
  end
end
