// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A flat binary form for plans and frames: little-endian integers, strings and lists behind 32-bit lengths.
//
// A struct takes part by naming its fields once:
//   struct Point { int32_t x; std::string name;
//     template <typename Self> static auto Fields(Self& s) { return std::tie(s.x, s.name); } };
// Decoding checks every length against what is left before it allocates, refuses trailing bytes and booleans
// that are neither 0 nor 1, and nests no deeper than the types do. Enum values are not checked: their users
// do that.
//
// A field that a struct gained after its first release is Appended and the last one of the whole encoding:
// where it has its default value nothing is written, so that older readers understand; where nothing was
// written it gets its default value, so that older writers are understood. An older reader refuses what it
// would have to leave undone.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace davit {

template <typename T>
struct Appended {
  T value{};

  Appended& operator=(T other) {
    value = std::move(other);
    return *this;
  }
  bool operator==(const Appended&) const = default;
};

class Encoder {
 public:
  template <typename T>
  void Put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      Append(value ? "\1" : "\0", 1);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      Append(reinterpret_cast<const char*>(&value), sizeof value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      Put(static_cast<uint32_t>(value.size()));
      Append(value.data(), value.size());
    } else {
      std::apply([this](const auto&... field) { (this->Put(field), ...); }, T::Fields(value));
    }
  }
  template <typename T>
  void Put(const std::vector<T>& list) {
    Put(static_cast<uint32_t>(list.size()));
    for (const T& item : list) Put(item);
  }
  template <typename T>
  void Put(const std::optional<T>& value) {
    Put(value.has_value());
    if (value) Put(*value);
  }
  template <typename T>
  void Put(const Appended<T>& field) {
    if (field.value != T{}) return Put(field.value);
    Encoder left_out;
    left_out.Put(field.value);
    held_back_ += left_out.data_;
  }

  std::string Take() { return std::move(data_); }

 private:
  void Append(const char* bytes, size_t size) {
    data_ += held_back_;
    held_back_.clear();
    data_.append(bytes, size);
  }

  std::string data_;
  std::string held_back_;  // Appended fields, written only when something follows
};

class Decoder {
 public:
  explicit Decoder(std::string_view data) : rest_(data) {}

  template <typename T>
  void Get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      uint8_t byte = 0;
      Get(byte);
      if (byte > 1) Reject();
      value = byte == 1;
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      if (rest_.size() < sizeof value) return Reject();
      std::memcpy(&value, rest_.data(), sizeof value);
      rest_.remove_prefix(sizeof value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      uint32_t size = Length();
      value.assign(rest_.data(), size);
      rest_.remove_prefix(size);
    } else {
      std::apply([this](auto&... field) { (this->Get(field), ...); }, T::Fields(value));
    }
  }
  template <typename T>
  void Get(std::vector<T>& list) {
    // Every item takes at least one byte, so a length beyond the rest is a lie.
    uint32_t size = Length();
    list.clear();
    for (uint32_t i = 0; i < size && !rejected_; ++i) Get(list.emplace_back());
  }
  template <typename T>
  void Get(std::optional<T>& value) {
    bool present = false;
    Get(present);
    value.reset();
    if (present) Get(value.emplace());
  }
  template <typename T>
  void Get(Appended<T>& field) {
    field.value = T{};
    if (!rest_.empty()) Get(field.value);
  }

  // True when everything was read and nothing was malformed.
  bool Complete() const { return !rejected_ && rest_.empty(); }

 private:
  uint32_t Length() {
    uint32_t size = 0;
    Get(size);
    if (size > rest_.size()) {
      Reject();
      return 0;
    }
    return size;
  }
  void Reject() {
    rejected_ = true;
    rest_ = {};
  }

  std::string_view rest_;
  bool rejected_ = false;
};

template <typename T>
std::string Encode(const T& value) {
  Encoder encoder;
  encoder.Put(value);
  return encoder.Take();
}

// `name` goes into the error.
template <typename T>
Result<T> Decode(std::string_view data, std::string_view name) {
  T value{};
  Decoder decoder(data);
  decoder.Get(value);
  if (!decoder.Complete()) return Fail(Code::kInvalidArgument, "decode", name, "malformed");
  return value;
}

}  // namespace davit
