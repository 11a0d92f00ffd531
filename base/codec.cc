// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace davit::codec {
namespace {

static_assert(std::endian::native == std::endian::little);

// How a value is written (protobuf.dev/programming-guides/encoding).
enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Types do not nest in themselves, so this is beyond all of them.
constexpr int kMaxDepth = 16;
// How much memory the elements of lists may take: an empty struct is two bytes on the wire and hundreds in
// memory.
constexpr size_t kSpareBytes = 64 << 10;
constexpr size_t kBytesPerByte = 32;

bool IsInteger(const Type& type) {
  return type.kind == Kind::kUnsigned || type.kind == Kind::kSigned;
}

WireType WireTypeOf(const Type& type) {
  return IsInteger(type) ? WireType::kVarint : WireType::kBytes;
}

// The low bytes come first. Sizes that are constants need no call.
void CopyInteger(void* to, const void* from, uint8_t size) {
  switch (size) {
    case 1:
      std::memcpy(to, from, 1);
      return;
    case 2:
      std::memcpy(to, from, 2);
      return;
    case 4:
      std::memcpy(to, from, 4);
      return;
    default:
      std::memcpy(to, from, 8);
  }
}

uint64_t LoadInteger(const Type& type, const void* at) {
  uint64_t value = 0;
  CopyInteger(&value, at, type.size);
  if (type.kind == Kind::kUnsigned) return value;
  int unused = 64 - type.size * 8;
  return static_cast<uint64_t>(static_cast<int64_t>(value << unused) >> unused);
}

const void* ElementAt(const Type& list, const Items& items, size_t index) {
  return static_cast<const char*>(items.first) + index * list.element_bytes;
}

class Encoder final : public Visitor {
 public:
  void Visit(std::span<const Slot> fields) override {
    for (const Slot& slot : fields) PutField(slot.number, *slot.type, slot.at);
  }
  std::string Take() {
    data_.resize(used_);
    return std::move(data_);
  }

 private:
  void PutField(uint32_t number, const Type& type, const void* at) {
    if (type.kind == Kind::kOptional || type.kind == Kind::kList)
      return PutItems(number, type, type.items(at));
    if (number >= kMustUnderstand && IsEmpty(type, at)) return;
    PutValue(number, type, at);
  }

  void PutItems(uint32_t number, const Type& type, const Items& items) {
    if (items.count == 0) return;
    if (type.kind == Kind::kList && IsInteger(*type.element)) return PutPacked(number, type, items);
    for (size_t i = 0; i < items.count; ++i) PutValue(number, *type.element, ElementAt(type, items, i));
  }

  void PutPacked(uint32_t number, const Type& type, const Items& items) {
    size_t start = Begin(number);
    for (size_t i = 0; i < items.count; ++i) PutVarint(LoadInteger(*type.element, ElementAt(type, items, i)));
    End(start);
  }

  void PutValue(uint32_t number, const Type& type, const void* at) {
    if (IsInteger(type)) {
      PutKey(number, WireType::kVarint);
      return PutVarint(LoadInteger(type, at));
    }
    if (type.kind == Kind::kBytes) {
      const auto& bytes = *static_cast<const std::string*>(at);
      PutKey(number, WireType::kBytes);
      PutVarint(bytes.size());
      PutBytes(bytes);
      return;
    }
    size_t start = Begin(number);
    type.visit(const_cast<void*>(at), *this);  // a visitor that writes nothing
    End(start);
  }

  // What has a length before it: one byte is kept for that, most are that short.
  size_t Begin(uint32_t number) {
    PutKey(number, WireType::kBytes);
    Room(1);
    return ++used_;
  }
  void End(size_t start) {
    size_t length = used_ - start;
    char bytes[kMaxVarint];
    size_t more = WriteVarint(length, bytes) - 1;
    data_[start - 1] = bytes[0];
    if (more == 0) return;
    Room(more);
    std::memmove(&data_[start + more], &data_[start], length);
    std::memcpy(&data_[start], bytes + 1, more);
    used_ += more;
  }

  void PutKey(uint32_t number, WireType type) {
    PutVarint(uint64_t{number} << 3 | static_cast<uint8_t>(type));
  }
  void PutVarint(uint64_t value) { used_ += WriteVarint(value, Room(kMaxVarint)); }
  void PutBytes(std::string_view bytes) {
    std::memcpy(Room(bytes.size()), bytes.data(), bytes.size());
    used_ += bytes.size();
  }

  // Where at least `size` bytes may be written.
  char* Room(size_t size) {
    if (data_.size() - used_ < size) data_.resize(std::max(data_.size() * 2, used_ + size + kFirstRoom));
    return &data_[used_];
  }

  static size_t WriteVarint(uint64_t value, char* bytes) {
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) bytes[count++] = static_cast<char>(value | 0x80);
    bytes[count++] = static_cast<char>(value);
    return count;
  }

  static bool IsEmpty(const Type& type, const void* at) {
    return IsInteger(type) ? LoadInteger(type, at) == 0 : static_cast<const std::string*>(at)->empty();
  }

  static constexpr size_t kFirstRoom = 256;
  static constexpr size_t kMaxVarint = 10;

  std::string data_;  // longer than what was written
  size_t used_ = 0;
};

class Decoder final : public Visitor {
 public:
  explicit Decoder(std::string_view data) : data_(data), budget_(kSpareBytes + data.size() * kBytesPerByte) {}

  void Visit(std::span<const Slot> fields) override {
    if (++depth_ > kMaxDepth) return Refuse("nested too deep");
    size_t expected = 0;
    while (!data_.empty() && problem_ == nullptr) ReadField(fields, expected);
    --depth_;
  }

  const char* problem() const { return problem_; }
  uint32_t field() const { return field_; }
  uint64_t value() const { return value_; }

 private:
  void ReadField(std::span<const Slot> fields, size_t& expected) {
    uint64_t key = ReadVarint();
    if (problem_ != nullptr) return;
    field_ = static_cast<uint32_t>(key >> 3);
    if (key >> 3 == 0 || key >> 32 != 0) return Refuse("not a field number");
    auto wire = static_cast<WireType>(key & 7);
    const Slot* slot = Find(fields, field_, expected);
    if (slot != nullptr) return Read(*slot->type, slot->at, wire);
    if (field_ >= kMustUnderstand) return Refuse("is not known to this version, which must not ignore it");
    Skip(wire);
  }

  // Most fields come in the order of the list, those of lists in runs.
  static const Slot* Find(std::span<const Slot> fields, uint32_t number, size_t& expected) {
    for (size_t tried = 0; tried < fields.size(); ++tried) {
      if (fields[expected].number == number) return &fields[expected];
      expected = expected + 1 == fields.size() ? 0 : expected + 1;
    }
    return nullptr;
  }

  void Read(const Type& type, void* at, WireType wire) {
    if (type.kind == Kind::kList && IsInteger(*type.element) && wire == WireType::kBytes)
      return ReadPacked(type, at);
    if (type.kind == Kind::kList || type.kind == Kind::kOptional) {
      if (wire != WireTypeOf(*type.element)) return Refuse("has another type");
      if (void* element = Add(type, at)) ReadValue(*type.element, element);
      return;
    }
    if (wire != WireTypeOf(type)) return Refuse("has another type");
    ReadValue(type, at);
  }

  void ReadValue(const Type& type, void* at) {
    if (IsInteger(type)) return StoreInteger(type, ReadVarint(), at);
    std::string_view bytes = ReadBytes();
    if (problem_ != nullptr) return;
    if (type.kind == Kind::kBytes) return static_cast<void>(static_cast<std::string*>(at)->assign(bytes));
    std::string_view rest = std::exchange(data_, bytes);
    type.visit(at, *this);
    data_ = rest;
  }

  void ReadPacked(const Type& type, void* at) {
    std::string_view bytes = ReadBytes();
    std::string_view rest = std::exchange(data_, bytes);
    while (!data_.empty() && problem_ == nullptr) {
      uint64_t value = ReadVarint();
      if (problem_ != nullptr) return;
      if (void* element = Add(type, at)) StoreInteger(*type.element, value, element);
    }
    data_ = rest;
  }

  // Null, and refused, when the elements would take too much memory.
  void* Add(const Type& type, void* container) {
    if (type.kind == Kind::kList) {
      if (type.element_bytes > budget_) {
        Refuse("has too many elements");
        return nullptr;
      }
      budget_ -= type.element_bytes;
    }
    return type.add(container);
  }

  void StoreInteger(const Type& type, uint64_t value, void* at) {
    if (problem_ != nullptr) return;
    value_ = value;
    if (!Fits(type, value)) return Refuse("has a value that is not known to this version:");
    CopyInteger(at, &value, type.size);
  }

  static bool Fits(const Type& type, uint64_t value) {
    if (type.kind == Kind::kUnsigned) return value <= type.last;
    if (type.size == 8) return true;
    auto number = static_cast<int64_t>(value);
    int64_t limit = int64_t{1} << (type.size * 8 - 1);
    return number >= -limit && number < limit;
  }

  void Skip(WireType wire) {
    switch (wire) {
      case WireType::kVarint:
        ReadVarint();
        return;
      case WireType::kFixed64:
        return Drop(8);
      case WireType::kBytes:
        ReadBytes();
        return;
      case WireType::kFixed32:
        return Drop(4);
    }
    Refuse("has no type");  // groups, which proto3 does not have
  }

  void Drop(size_t size) {
    if (size > data_.size()) return Refuse("is cut short");
    data_.remove_prefix(size);
  }

  std::string_view ReadBytes() {
    uint64_t size = ReadVarint();
    if (problem_ == nullptr && size > data_.size()) Refuse("is cut short");
    if (problem_ != nullptr) return {};
    std::string_view bytes = data_.substr(0, size);
    data_.remove_prefix(size);
    return bytes;
  }

  uint64_t ReadVarint() {
    if (!data_.empty() && static_cast<uint8_t>(data_[0]) < 0x80) {
      auto value = static_cast<uint8_t>(data_[0]);
      data_.remove_prefix(1);
      return value;
    }
    return ReadLongVarint();
  }

  uint64_t ReadLongVarint() {
    uint64_t value = 0;
    for (size_t used = 0; used < data_.size() && used < 10; ++used) {
      auto byte = static_cast<uint8_t>(data_[used]);
      if (used == 9 && byte > 1) break;  // beyond 64 bits
      value |= uint64_t{byte & 0x7fu} << (used * 7);
      if (byte >= 0x80) continue;
      data_.remove_prefix(used + 1);
      return value;
    }
    Refuse("is cut short");
    return 0;
  }

  void Refuse(const char* problem) {
    if (problem_ == nullptr) problem_ = problem;
  }

  std::string_view data_;
  size_t budget_;
  int depth_ = 0;
  const char* problem_ = nullptr;
  uint32_t field_ = 0;
  uint64_t value_ = 0;
};

}  // namespace

std::string EncodeMessage(const Type& type, const void* message) {
  Encoder encoder;
  type.visit(const_cast<void*>(message), encoder);  // as above
  return encoder.Take();
}

Result<> DecodeMessage(const Type& type, void* message, std::string_view data, std::string_view name) {
  Decoder decoder(data);
  type.visit(message, decoder);
  if (decoder.problem() == nullptr) return {};
  std::string problem = "field " + std::to_string(decoder.field()) + " " + decoder.problem();
  if (problem.ends_with(':')) problem += " " + std::to_string(decoder.value());
  return Fail(Code::kDataLoss, "decode", name, problem);
}

}  // namespace davit::codec
