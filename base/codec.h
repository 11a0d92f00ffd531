// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Encodes messages, plans and records as tagged fields in the wire format of Protocol Buffers (proto3), so
// that `protoc --decode_raw` can read them. One struct is one message; it lists its fields once, with their
// numbers:
//
//   struct Point {
//     int32_t x = 0;
//     std::string name;
//     auto Fields() { return FieldList(Field<1>(x), Field<2>(name)); }
//   };
//
// Types: bool, integers, enums, std::string (proto: bytes), structs, std::optional and std::vector of these.
// Signed integers are proto's int32 and int64. An enum declares its last value in a function found by
// argument-dependent lookup: `constexpr Shape LastOf(Shape) { return Shape::kRound; }`.
//
// Compatibility:
// - A released number keeps its type and its meaning for ever. The position of a field in its struct is free.
// - A reader skips unknown fields, and leaves an absent field at the struct's default: the default must be
//   the behaviour of writers that did not know the field.
// - A field that a reader must not skip, because the writer's request would be carried out only in part, has
//   a number from kMustUnderstand on. It is omitted when it is empty; a reader that does not know it rejects
//   the message. It can be a scalar, a string, a list or an optional.
// - An enum value beyond the last one that the reader knows is rejected.
// - Scalars, strings and structs below kMustUnderstand are always written, whatever their default.
//
// Decoding checks every length before it allocates, limits the memory that a short message can occupy,
// rejects malformed messages, and never throws. It does not notice that a message was cut between two fields:
// the container of the message (a frame, a sealed memfd, a row, a file renamed into place) keeps it whole.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace davit {

constexpr uint32_t kMustUnderstand = 1000;

namespace codec {

enum class Kind : uint8_t { kUnsigned, kSigned, kBytes, kMessage, kList, kOptional };

struct Slot;
// Receives the fields of one message.
class Visitor {
 public:
  virtual void Visit(std::span<const Slot> fields) = 0;

 protected:
  ~Visitor() = default;
};

// The elements of a list, or the value of an optional.
struct Items {
  const void* first = nullptr;
  size_t count = 0;
};

// Describes a type to the encoder and the decoder (codec.cc), which are not templates, to keep the code
// small.
struct Type {
  Kind kind = Kind::kBytes;
  uint8_t size = 0;                                  // kUnsigned, kSigned: bytes
  uint64_t last = 0;                                 // kUnsigned: the greatest value
  void (*visit)(void* message, Visitor&) = nullptr;  // kMessage
  const Type* element = nullptr;                     // kList, kOptional
  size_t element_bytes = 0;                          // kList: size of one in memory
  Items (*items)(const void* container) = nullptr;   // kList, kOptional
  void* (*add)(void* container) = nullptr;  // kList: appends an element; kOptional: the value, made if absent
};

// One field of a message in memory.
struct Slot {
  uint32_t number = 0;
  const Type* type = nullptr;
  void* at = nullptr;
};

template <uint32_t kNumber>
struct NumberedSlot : Slot {};

template <typename T>
constexpr Type Describe();
template <typename T>
inline constexpr Type kTypeOf = Describe<T>();

template <typename T>
struct ElementOf {
  using Type = void;
};
template <typename T>
struct ElementOf<std::vector<T>> {
  using Type = T;
  static constexpr Kind kKind = Kind::kList;
  static Items ItemsOf(const std::vector<T>& list) { return {list.data(), list.size()}; }
  static void* Add(std::vector<T>& list) { return &list.emplace_back(); }
};
template <typename T>
struct ElementOf<std::optional<T>> {
  using Type = T;
  static constexpr Kind kKind = Kind::kOptional;
  static Items ItemsOf(const std::optional<T>& value) { return value ? Items{&*value, 1} : Items{}; }
  static void* Add(std::optional<T>& value) { return value ? &*value : &value.emplace(); }
};

template <typename T>
constexpr Type DescribeContainer() {
  using Access = ElementOf<T>;
  using Element = typename Access::Type;
  static_assert(!std::is_same_v<T, std::vector<bool>>, "its elements have no addresses");
  static_assert(std::is_void_v<typename ElementOf<Element>::Type>, "no list of lists on the wire");
  Type type;
  type.kind = Access::kKind;
  type.element = &kTypeOf<Element>;
  type.element_bytes = sizeof(Element);
  type.items = [](const void* container) { return Access::ItemsOf(*static_cast<const T*>(container)); };
  type.add = [](void* container) { return Access::Add(*static_cast<T*>(container)); };
  return type;
}

template <typename T>
constexpr Type DescribeInteger() {
  Type type;
  type.size = sizeof(T);
  // Whether char is signed depends on the processor.
  bool is_signed = std::is_signed_v<T> && !std::is_same_v<T, char>;
  type.kind = is_signed ? Kind::kSigned : Kind::kUnsigned;
  if constexpr (std::is_same_v<T, bool>) {
    type.last = 1;
  } else if constexpr (std::is_enum_v<T>) {
    static_assert(std::is_unsigned_v<std::underlying_type_t<T>>);
    type.last = static_cast<uint64_t>(LastOf(T{}));
  } else {
    type.last = std::numeric_limits<std::make_unsigned_t<T>>::max();
  }
  return type;
}

template <typename T>
constexpr Type DescribeMessage() {
  Type type;
  type.kind = Kind::kMessage;
  type.visit = [](void* message, Visitor& visitor) {
    auto fields = static_cast<T*>(message)->Fields();
    visitor.Visit(fields);
  };
  return type;
}

template <typename T>
constexpr Type Describe() {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return DescribeInteger<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return Type{};
  } else if constexpr (!std::is_void_v<typename ElementOf<T>::Type>) {
    return DescribeContainer<T>();
  } else {
    return DescribeMessage<T>();
  }
}

template <uint32_t... kNumbers>
constexpr bool AreDistinct() {
  constexpr uint32_t kAll[] = {kNumbers...};
  for (size_t i = 0; i < sizeof...(kNumbers); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (kAll[i] == kAll[j]) return false;
    }
  }
  return true;
}

std::string EncodeMessage(const Type& type, const void* message);
// On an error, `message` keeps the fields that were read before it.
Result<> DecodeMessage(const Type& type, void* message, std::string_view data, std::string_view name);

}  // namespace codec

template <uint32_t kNumber, typename T>
codec::NumberedSlot<kNumber> Field(T& member) {
  static_assert(kNumber > 0 && kNumber < 1u << 29 && (kNumber < 19'000 || kNumber > 19'999), "not in proto3");
  static_assert(kNumber < kMustUnderstand || codec::kTypeOf<T>.kind != codec::Kind::kMessage,
                "whether a struct is empty is not known: make it optional");
  return {{kNumber, &codec::kTypeOf<T>, &member}};
}

template <uint32_t... kNumbers>
std::array<codec::Slot, sizeof...(kNumbers)> FieldList(codec::NumberedSlot<kNumbers>... slots) {
  static_assert(codec::AreDistinct<kNumbers...>(), "two fields have the same number");
  return {slots...};
}
inline std::array<codec::Slot, 0> FieldList() {
  return {};
}

template <typename T>
std::string Encode(const T& value) {
  return codec::EncodeMessage(codec::kTypeOf<T>, &value);
}

// Fails with kDataLoss; the error contains `name`, the number of the field and the problem.
template <typename T>
Result<T> Decode(std::string_view data, std::string_view name) {
  T value{};
  TRY(codec::DecodeMessage(codec::kTypeOf<T>, &value, data, name));
  return value;
}

}  // namespace davit
