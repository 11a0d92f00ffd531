// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_message.h"

namespace davit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Bytes from literals that have zeros in them.
template <size_t kSize>
std::string Bytes(const char (&literal)[kSize]) {
  return {literal, kSize - 1};
}

enum class Shape : uint8_t { kRound = 0, kSquare = 1 };
constexpr Shape LastOf(Shape) {
  return Shape::kSquare;
}

struct Inner {
  std::string name;
  std::optional<uint32_t> number;

  auto Fields() { return FieldList(Field<1>(name), Field<2>(number)); }
};
struct Outer {
  bool flag = false;
  int64_t big = 0;
  int32_t small = 0;
  Shape shape = Shape::kRound;
  char letter = 'c';
  std::string text = "preset";
  std::vector<Inner> list;
  std::vector<uint32_t> numbers;
  std::vector<std::string> words;
  Inner inner;

  auto Fields() {
    return FieldList(Field<1>(flag), Field<2>(big), Field<3>(small), Field<4>(shape), Field<5>(letter),
                     Field<6>(text), Field<7>(list), Field<8>(numbers), Field<9>(words), Field<10>(inner));
  }
};

Outer FullOuter() {
  Outer outer;
  outer.flag = true;
  outer.big = -5;
  outer.small = std::numeric_limits<int32_t>::min();
  outer.shape = Shape::kSquare;
  outer.letter = 'b';
  outer.text = "";
  outer.list = {{"a", 7}, {"", std::nullopt}, {std::string(300, 'x'), 0}};
  outer.numbers = {0, 1, 127, 128, 0xffffffff};
  outer.words = {"", std::string("a\0b", 3)};
  outer.inner.name = std::string(20'000, 'y');
  return outer;
}

std::string ErrorOf(const Result<Outer>& outer) {
  return outer ? "" : outer.error().ToString();
}

TEST(Codec, RoundTripsEveryType) {
  auto back = Decode<Outer>(Encode(FullOuter()), "outer");
  ASSERT_TRUE(back) << back.error().ToString();
  EXPECT_TRUE(back->flag);
  EXPECT_EQ(back->big, -5);
  EXPECT_EQ(back->small, std::numeric_limits<int32_t>::min());
  EXPECT_EQ(back->shape, Shape::kSquare);
  EXPECT_EQ(back->letter, 'b');
  EXPECT_EQ(back->text, "") << "an empty string is not a missing one";
  ASSERT_EQ(back->list.size(), 3u);
  EXPECT_EQ(back->list[0].number, 7u);
  EXPECT_FALSE(back->list[1].number);
  EXPECT_EQ(back->list[2].name.size(), 300u);
  EXPECT_EQ(back->list[2].number, 0u);
  EXPECT_THAT(back->numbers, ElementsAre(0, 1, 127, 128, 0xffffffff));
  EXPECT_THAT(back->words, ElementsAre("", std::string("a\0b", 3)));
  EXPECT_EQ(back->inner.name.size(), 20'000u);
  EXPECT_EQ(Encode(*back), Encode(FullOuter()));
}

struct Example {
  int32_t a = 0;
  std::string b;
  Inner c;
  std::vector<uint32_t> d;
  auto Fields() { return FieldList(Field<1>(a), Field<2>(b), Field<3>(c), Field<4>(d)); }
};

// The examples of protobuf.dev/programming-guides/encoding.
TEST(Codec, WritesTheWireFormatOfProtocolBuffers) {
  Example example{150, "testing", {"x", 150}, {3, 270, 86942}};
  EXPECT_EQ(
      Encode(example),
      Bytes("\x08\x96\x01\x12\x07testing\x1a\x06\x0a\x01x\x10\x96\x01\x22\x06\x03\x8e\x02\x9e\xa7\x05"));
}

TEST(Codec, ReadsWhatOtherWritersOfTheFormatMayWrite) {
  // A list of numbers that is not packed, the last of several values, fields in another order.
  auto read = Decode<Example>(Bytes("\x20\x03\x12\x01q\x20\x04\x08\x01\x22\x02\x05\x06\x08\x02"), "example");
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_THAT(read->d, ElementsAre(3, 4, 5, 6));
  EXPECT_EQ(read->a, 2);
  EXPECT_EQ(read->b, "q");
}

TEST(Codec, WhatIsAbsentHasItsDefault) {
  auto outer = Decode<Outer>("", "outer");
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->text, "preset");
  EXPECT_EQ(outer->letter, 'c');
}

struct OlderOrder {
  std::string name;
  uint32_t count = 1;
  auto Fields() { return FieldList(Field<1>(name), Field<2>(count)); }
};
struct NewerOrder {
  std::string name;
  Inner wrapping;  // in the middle
  std::vector<std::string> extras;
  uint32_t count = 1;
  std::string note = "none";
  bool gift = false;
  std::string allergy;                // not to be ignored
  std::optional<Inner> for_somebody;  // likewise
  auto Fields() {
    return FieldList(Field<1>(name), Field<3>(wrapping), Field<4>(extras), Field<2>(count), Field<5>(note),
                     Field<6>(gift), Field<1000>(allergy), Field<1001>(for_somebody));
  }
};

TEST(Codec, AnOlderReaderSkipsWhatItDoesNotKnow) {
  NewerOrder newer;
  newer.name = "boat";
  newer.wrapping = {"paper", 3};
  newer.extras = {"oars", "sail"};
  newer.count = 7;
  newer.gift = true;
  auto older = Decode<OlderOrder>(Encode(newer), "order");
  ASSERT_TRUE(older) << older.error().ToString();
  EXPECT_EQ(older->name, "boat");
  EXPECT_EQ(older->count, 7u);
}

TEST(Codec, ANewerReaderGivesDefaultsToWhatAnOlderWriterDidNotKnow) {
  auto newer = Decode<NewerOrder>(Encode(OlderOrder{"boat", 7}), "order");
  ASSERT_TRUE(newer) << newer.error().ToString();
  EXPECT_EQ(newer->name, "boat");
  EXPECT_EQ(newer->count, 7u);
  EXPECT_EQ(newer->note, "none");
  EXPECT_THAT(newer->extras, IsEmpty());
}

TEST(Codec, AnOlderReaderRefusesWhatItMustNotIgnore) {
  NewerOrder newer;
  newer.allergy = "nuts";
  auto older = Decode<OlderOrder>(Encode(newer), "order of today");
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, Code::kDataLoss);
  EXPECT_THAT(older.error().ToString(), AllOf(HasSubstr("order of today"), HasSubstr("field 1000 ")));
  newer.allergy.clear();
  newer.for_somebody.emplace();
  EXPECT_FALSE(Decode<OlderOrder>(Encode(newer), "order"));
}

// A cut between two fields cannot be seen; everything else is refused.
TEST(Codec, RefusesATornField) {
  std::string data = Encode(Example{150, "testing", {"x", 150}, {3, 270, 86942}});
  std::vector<size_t> ends;
  for (size_t size = 0; size <= data.size(); ++size) {
    if (Decode<Example>(data.substr(0, size), "example")) ends.push_back(size);
  }
  EXPECT_THAT(ends, ElementsAre(0, 3, 12, 20, 28));
  EXPECT_FALSE(Decode<Example>(data + "x", "example"));
}

TEST(Codec, RefusesMalformedFields) {
  EXPECT_THAT(ErrorOf(Decode<Outer>(Bytes("\x08\x02"), "o")), HasSubstr("field 1 has a value")) << "bool";
  EXPECT_THAT(ErrorOf(Decode<Outer>(Bytes("\x20\x02"), "o")), HasSubstr("this version: 2")) << "enum";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x18\xff\xff\xff\xff\x0f"), "o")) << "int32 of 2^32-1";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x0a\x01x"), "o")) << "a string where a bool is expected";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x30\x01"), "o")) << "a number where a string is expected";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x38\x01"), "o")) << "a number where a struct is expected";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x00\x01"), "o")) << "field 0";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x0b\x0c"), "o")) << "a group";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x78\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "o")) << "beyond 64 bits";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x32\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "o")) << "a vast length";
  EXPECT_FALSE(Decode<Outer>(Bytes("\x3a\x03\x0a\x02x"), "o")) << "a length beyond the struct it is in";
}

TEST(Codec, SkipsUnknownFieldsOfEveryType) {
  std::string unknown = Bytes("\x78\x96\x01") +
                        Bytes(
                            "\x79"
                            "12345678") +
                        Bytes("\x7a\x02zz") +
                        Bytes(
                            "\x7d"
                            "1234");
  auto outer = Decode<Outer>(unknown + Bytes("\x10\x07"), "outer");
  ASSERT_TRUE(outer) << outer.error().ToString();
  EXPECT_EQ(outer->big, 7);
}

struct Wide {
  std::string strings[1];
  char room[4096] = {};
  auto Fields() { return FieldList(Field<1>(strings[0])); }
};
struct Many {
  std::vector<Wide> list;
  auto Fields() { return FieldList(Field<1>(list)); }
};

TEST(Codec, AFewBytesDoNotBecomeMuchMemory) {
  std::string empty_ones;
  for (int i = 0; i < 100'000; ++i) empty_ones += Bytes("\x0a\x00");
  auto many = Decode<Many>(empty_ones, "many");
  ASSERT_FALSE(many);
  EXPECT_THAT(many.error().ToString(), HasSubstr("too many elements"));
  Many few;
  few.list.resize(10);
  EXPECT_TRUE(Decode<Many>(Encode(few), "few"));
}

TEST(ErrorMessage, HasNumbersOfItsOwnForEveryCode) {
  std::vector<uint32_t> numbers;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    Error error{static_cast<Code>(code), EIO, "step", "subject", "context"};
    ErrorMessage message = ToMessage(error);
    numbers.push_back(message.code);
    EXPECT_EQ(ToError(message).code, error.code);
    EXPECT_EQ(ToError(message).ToString(), error.ToString());
  }
  EXPECT_THAT(numbers, ElementsAre(3, 5, 6, 9, 7, 16, 8, 4, 1, 14, 12, 15, 13));
}

TEST(ErrorMessage, CarriesTheReasonByANumberOfItsOwn) {
  std::vector<uint32_t> numbers;
  for (Reason reason : {Reason::kNone, Reason::kRegistryUnavailable, Reason::kImageVolumeMountFailed,
                        Reason::kRecursiveReadOnlyUnsupported, Reason::kSignatureValidationFailed}) {
    Error error{Code::kNotFound, 0, "step", "subject", "context", reason};
    numbers.push_back(ToMessage(error).reason);
    EXPECT_EQ(ToError(ToMessage(error)).reason, reason);
  }
  EXPECT_THAT(numbers, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(ToError({5, 0, "", "", "", 99}).reason, Reason::kNone) << "of a newer version";
}

TEST(ErrorMessage, AnUnknownCodeIsInternalAndNamed) {
  Error error = ToError({200, 0, "step", "", "context", 0});
  EXPECT_EQ(error.code, Code::kInternal);
  EXPECT_THAT(error.ToString(), HasSubstr("context (unknown code 200)"));
}

}  // namespace
}  // namespace davit
