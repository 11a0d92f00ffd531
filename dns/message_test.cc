// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/testing/packets.h"

namespace davit::dns {
namespace {

using std::string_literals::operator""s;

cni::IpAddress Ip(const char* text) {
  return cni::IpAddress::Parse(text).value();
}

Query Read(const std::string& packet) {
  return ReadQuery(packet).query.value();
}

TEST(Message, AQuestionIsReadInLowerCase) {
  Query query = Read(QueryFor("Db.Back", kTypeAaaa));
  EXPECT_EQ(query.name, "db.back");
  EXPECT_EQ(query.type, kTypeAaaa);
  EXPECT_EQ(query.id, 0x1234);
  EXPECT_TRUE(query.wants_recursion);
  EXPECT_EQ(query.room, 512u);
  EXPECT_EQ(Read(QueryFor("", kTypeNs)).name, "");
}

TEST(Message, ADotInALabelIsNoSeparator) {
  std::string packet = Header(1, kRecursionDesired, 1) + "\4d.b\\\0"s + Number(1) + Number(1);
  EXPECT_EQ(Read(packet).name, "d\\.b\\\\");
}

TEST(Message, TheRoomIsLimitedWhateverAClientAnnounces) {
  auto room = [](uint16_t announced) {
    return Read(Header(1, 0, 1, 0, 1) + QuestionPart("db", 1) + Opt(announced)).room;
  };
  EXPECT_EQ(room(100), 512u);
  EXPECT_EQ(room(1'000), 1'000u);
  EXPECT_EQ(room(65'535), kMostUdpBytes);
}

TEST(Message, AnswersAndScrapsGetNoAnswer) {
  for (const std::string& packet : {""s, "\x12"s, std::string(11, '\0'), Header(1, kAnswerFlags, 1),
                                    AnswerWith(1, "db", "10.89.0.2"), Header(1, 0x8000, 0)}) {
    Reading reading = ReadQuery(packet);
    EXPECT_FALSE(reading.query);
    EXPECT_EQ(reading.refusal, "");
  }
}

struct BadQuery {
  const char* what;
  std::string packet;
  Rcode code;
};

TEST(Message, BadQueriesAreRefusedWithTheHeaderAlone) {
  std::string question = QuestionPart("db", 1);
  std::string long_label(64, 'a');
  std::string name_too_long;
  for (int i = 0; i < 5; ++i) name_too_long += std::string(63, 'a') + ".";
  const BadQuery kBad[] = {
      {"no question", Header(7, 0, 0), Rcode::kFormatError},
      {"two questions", Header(7, 0, 2) + question + question, Rcode::kFormatError},
      {"an answer section", Header(7, 0, 1, 1) + question, Rcode::kFormatError},
      {"many additional records", Header(7, 0, 1, 0, 999) + question, Rcode::kFormatError},
      {"a question that is not there", Header(7, 0, 1), Rcode::kFormatError},
      {"a question cut off", (Header(7, 0, 1) + question).substr(0, 15), Rcode::kFormatError},
      {"a name that points to itself", Header(7, 0, 1) + Number(0xc00c) + Number(1) + Number(1),
       Rcode::kFormatError},
      {"a name that points to the header", Header(7, 0, 1) + Number(0xc000) + Number(1) + Number(1),
       Rcode::kFormatError},
      {"a name that points outside", Header(7, 0, 1) + Number(0xffff) + Number(1) + Number(1),
       Rcode::kFormatError},
      {"a label of 64 bytes", Header(7, 0, 1) + '\x40' + long_label + '\0' + Number(1) + Number(1),
       Rcode::kFormatError},
      {"a name of 320 bytes", Header(7, 0, 1) + QuestionPart(name_too_long, 1), Rcode::kFormatError},
      {"an OPT record cut off", Header(7, 0, 1, 0, 1) + question + Opt(512).substr(0, 5),
       Rcode::kFormatError},
      {"too many bytes", Header(7, 0, 1) + question + std::string(kMostQueryBytes, 'x'), Rcode::kFormatError},
      {"an update", Header(7, 5 << 11, 1) + question, Rcode::kNotImplemented},
      {"class CHAOS", Header(7, 0, 1) + QuestionPart("version.bind", 16, 3), Rcode::kRefused},
  };
  for (const BadQuery& bad : kBad) {
    SCOPED_TRACE(bad.what);
    Reading reading = ReadQuery(bad.packet);
    EXPECT_FALSE(reading.query);
    ASSERT_EQ(reading.refusal.size(), kHeaderBytes);
    EXPECT_EQ(IdOf(reading.refusal), 7);
    EXPECT_EQ(RcodeIn(reading.refusal), static_cast<uint8_t>(bad.code));
  }
}

TEST(Message, AnAnswerRepeatsTheQuestionAsItWasWritten) {
  Query query = Read(QueryFor("dB", kTypeA));
  std::string answer =
      WriteAnswer(query, {Rcode::kNoError, {Ip("10.89.0.7"), Ip("fd00::7")}}, Transport::kUdp);
  EXPECT_EQ(IdOf(answer), query.id);
  EXPECT_THAT(answer, testing::HasSubstr(QuestionPart("dB", 1)));
  EXPECT_EQ(AnswersIn(answer), 1) << "none of the other family";
  EXPECT_TRUE(answer.ends_with("\0\4\x0a\x59\0\7"s));
  EXPECT_TRUE(IsAnswerTo(query, query.id, answer));
}

TEST(Message, WhatDoesNotFitIsTruncatedOverUdpOnly) {
  Query query = Read(QueryFor("db", kTypeA));
  Content content;
  for (uint8_t i = 1; i < 200; ++i) content.addresses.push_back({AF_INET, {10, 89, 0, i}});
  std::string datagram = WriteAnswer(query, content, Transport::kUdp);
  EXPECT_TRUE(IsTruncated(datagram));
  EXPECT_EQ(AnswersIn(datagram), 0);
  EXPECT_LE(datagram.size(), 512u);
  std::string whole = WriteAnswer(query, content, Transport::kTcp);
  EXPECT_FALSE(IsTruncated(whole));
  EXPECT_EQ(AnswersIn(whole), 199);
}

TEST(Message, OnlyTheAnswerToTheQuestionCounts) {
  Query query = Read(QueryFor("example.com", kTypeA));
  std::string answer = AnswerWith(9, "example.com", "192.0.2.1");
  EXPECT_TRUE(IsAnswerTo(query, 9, answer));
  EXPECT_TRUE(IsAnswerTo(query, 9, AnswerWith(9, "EXAMPLE.com", "192.0.2.1")));
  EXPECT_FALSE(IsAnswerTo(query, 10, answer)) << "another id";
  EXPECT_FALSE(IsAnswerTo(query, 9, AnswerWith(9, "example.org", "192.0.2.1")));
  EXPECT_FALSE(IsAnswerTo(query, 9, Header(9, kAnswerFlags, 1) + QuestionPart("example.com", kTypeAaaa)));
  EXPECT_FALSE(IsAnswerTo(query, 9, Header(9, kAnswerFlags, 0))) << "no question";
  EXPECT_FALSE(IsAnswerTo(query, 0x1234, query.bytes)) << "the query itself";
  for (size_t size = 0; size < query.question_end; ++size)
    EXPECT_FALSE(IsAnswerTo(query, 9, std::string_view(answer).substr(0, size)));
}

TEST(Message, AnAnswerIsPassedOnWithTheClientsId) {
  Query query = Read(QueryFor("example.com", kTypeA));
  std::string passed = PassOn(query, AnswerWith(9, "example.com", "192.0.2.1"), Transport::kUdp);
  EXPECT_EQ(passed, AnswerWith(0x1234, "example.com", "192.0.2.1"));
  std::string large = AnswerWith(9, "example.com", "192.0.2.1") + std::string(600, 'x');
  EXPECT_TRUE(IsTruncated(PassOn(query, large, Transport::kUdp)));
  EXPECT_EQ(PassOn(query, large, Transport::kTcp).size(), large.size());
}

TEST(Message, NamesOfAddressesAreRead) {
  EXPECT_EQ(AddressInReverseName("7.0.89.10.in-addr.arpa"), Ip("10.89.0.7"));
  std::string ipv6 = "7.";
  for (int i = 0; i < 27; ++i) ipv6 += "0.";
  EXPECT_EQ(AddressInReverseName(ipv6 + "0.0.d.f.ip6.arpa"), Ip("fd00::7"));
  for (const char* other :
       {"", "db", "in-addr.arpa", ".in-addr.arpa", "1.2.3.in-addr.arpa", "1..2.3.in-addr.arpa",
        "1.2.3.4.5.in-addr.arpa", "300.2.3.4.in-addr.arpa", "x.ip6.arpa"})
    EXPECT_FALSE(AddressInReverseName(other)) << other;
}

}  // namespace
}  // namespace davit::dns
