// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/pax.h"

#include <algorithm>
#include <charconv>

namespace davit::images {
namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr size_t kMaxXattrName = 255;  // XATTR_NAME_MAX

std::unexpected<Error> Malformed(std::string_view key) {
  constexpr size_t kShown = 64;
  return Fail(Code::kInvalidArgument, "read PAX header", key.substr(0, kShown), "malformed");
}

std::unexpected<Error> TooManySegments() {
  return Fail(Code::kResourceExhausted, "read PAX header", "sparse map", "too many segments");
}

Result<int64_t> ParseSigned(std::string_view text) {
  bool negative = text.starts_with('-');
  uint64_t magnitude = TRY(ParseDecimal(text.substr(negative ? 1 : 0)));
  if (magnitude > INT64_MAX) return Malformed("number");
  return negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
}

// Seconds with any number of decimals; what is finer than a nanosecond is cut off. "-1.5" is 1.5 s before
// 1970.
Result<timespec> ParseTime(std::string_view text) {
  size_t point = std::min(text.find('.'), text.size());
  timespec time{};
  time.tv_sec = TRY(ParseSigned(text.substr(0, point)));
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  if (!std::all_of(fraction.begin(), fraction.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return Malformed("time");
  }
  fraction.resize(9, '0');
  time.tv_nsec = static_cast<long>(TRY(ParseDecimal(fraction)));
  if (text.starts_with('-') && time.tv_nsec != 0) {
    if (time.tv_sec == INT64_MIN) return Malformed("time");
    time.tv_sec -= 1;
    time.tv_nsec = 1'000'000'000 - time.tv_nsec;
  }
  return time;
}

Result<std::string> ParseName(std::string_view key, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) return Malformed(key);
  return std::string(value);
}

// "offset,length,offset,length..."
Result<std::vector<SparseSegment>> ParseSparseList(std::string_view text, const UnpackLimits& limits) {
  std::vector<uint64_t> numbers;
  for (size_t pos = 0; pos < text.size();) {
    size_t end = std::min(text.find(',', pos), text.size());
    numbers.push_back(TRY(ParseDecimal(text.substr(pos, end - pos))));
    if (numbers.size() > 2 * limits.sparse_segments) return TooManySegments();
    pos = end + 1;
  }
  if (numbers.size() % 2 != 0) return Malformed("GNU.sparse.map");
  std::vector<SparseSegment> segments;
  for (size_t i = 0; i < numbers.size(); i += 2) segments.push_back({numbers[i], numbers[i + 1]});
  return segments;
}

class PaxReader {
 public:
  explicit PaxReader(const UnpackLimits& limits) : limits_(limits) {}

  Result<> Take(std::string_view key, std::string_view value) {
    if (key.starts_with(kXattrPrefix)) return TakeXattr(key.substr(kXattrPrefix.size()), value);
    if (key.starts_with("GNU.sparse.")) return TakeSparse(key, value);
    if (value.empty()) return Forget(key);
    if (key == "path") records_.path = TRY(ParseName(key, value));
    if (key == "linkpath") records_.link_path = TRY(ParseName(key, value));
    if (key == "size") records_.size = TRY(ParseSigned(value));
    if (key == "uid") records_.uid = TRY(ParseSigned(value));
    if (key == "gid") records_.gid = TRY(ParseSigned(value));
    if (key == "mtime") records_.mtime = TRY(ParseTime(value));
    if (key == "atime") records_.atime = TRY(ParseTime(value));
    return {};
  }

  Result<PaxRecords> Finish() {
    if (offset_pending_) return Malformed("GNU.sparse.offset");
    if (records_.sparse_map && records_.sparse_map->size() > limits_.sparse_segments)
      return TooManySegments();
    return std::move(records_);
  }

 private:
  Result<> Forget(std::string_view key) {
    if (key == "path") records_.path.reset();
    if (key == "linkpath") records_.link_path.reset();
    if (key == "size") records_.size.reset();
    if (key == "uid") records_.uid.reset();
    if (key == "gid") records_.gid.reset();
    if (key == "mtime") records_.mtime.reset();
    if (key == "atime") records_.atime.reset();
    return {};
  }

  Result<> TakeXattr(std::string_view name, std::string_view value) {
    if (name.empty() || name.size() > kMaxXattrName || name.find('\0') != std::string_view::npos) {
      return Malformed("SCHILY.xattr");
    }
    std::erase_if(records_.xattrs, [name](auto& xattr) { return xattr.first == name; });
    if (value.size() > limits_.xattr_bytes || records_.xattrs.size() >= limits_.xattrs_per_entry) {
      return Fail(Code::kResourceExhausted, "read PAX header", name,
                  "too many or too large extended attributes");
    }
    records_.xattrs.emplace_back(name, value);
    return {};
  }

  Result<> TakeSparse(std::string_view full_key, std::string_view value) {
    std::string_view key = full_key.substr(std::string_view("GNU.sparse.").size());
    if (key == "name") records_.sparse_name = TRY(ParseName(full_key, value));
    if (key == "realsize" || key == "size") records_.sparse_real_size = TRY(ParseSigned(value));
    if (key == "major" && TRY(ParseDecimal(value)) == 1) records_.sparse_map_in_data = true;
    if (key == "map") records_.sparse_map = TRY(ParseSparseList(value, limits_));
    // Format 0.0 repeats these two for every segment.
    if (key == "offset") {
      if (offset_pending_) return Malformed(full_key);
      offset_pending_ = TRY(ParseDecimal(value));
    }
    if (key == "numbytes") {
      if (!offset_pending_) return Malformed(full_key);
      if (!records_.sparse_map) records_.sparse_map.emplace();
      records_.sparse_map->push_back({*offset_pending_, TRY(ParseDecimal(value))});
      offset_pending_.reset();
    }
    // A file of 0.0 that is one hole has neither.
    if (key == "numblocks" && !records_.sparse_map) records_.sparse_map.emplace();
    return {};
  }

  const UnpackLimits& limits_;
  PaxRecords records_;
  std::optional<uint64_t> offset_pending_;
};

}  // namespace

Result<uint64_t> ParseDecimal(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return Malformed("number");
  return value;
}

// Each record is "<length of the whole record> <key>=<value>\n".
Result<PaxRecords> ParsePax(std::string_view data, const UnpackLimits& limits) {
  PaxReader reader(limits);
  while (!data.empty()) {
    size_t space = data.find(' ');
    if (space == std::string_view::npos) return Malformed("record length");
    uint64_t length = TRY(ParseDecimal(data.substr(0, space)));
    if (length > data.size() || length < space + 2) return Malformed("record length");
    std::string_view record = data.substr(space + 1, length - space - 1);
    if (!record.ends_with('\n')) return Malformed("record end");
    record.remove_suffix(1);
    size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return Malformed("record");
    TRY(reader.Take(record.substr(0, equals), record.substr(equals + 1)));
    data.remove_prefix(length);
  }
  return reader.Finish();
}

}  // namespace davit::images
