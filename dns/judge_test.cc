// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/testing/packets.h"

namespace davit::dns {
namespace {

using std::string_literals::operator""s;
using testing::EndsWith;
using testing::HasSubstr;

class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() { names_.Put({"1", {"db"}, {cni::IpAddress::Parse("10.89.0.7").value()}}); }

  Verdict Ask(const std::string& packet) { return Judge(packet, Transport::kUdp, zone_, names_); }
  std::string Answer(const std::string& name, uint16_t type) {
    Verdict verdict = Ask(QueryFor(name, type));
    EXPECT_EQ(verdict.kind, Verdict::Kind::kAnswer) << name;
    return verdict.answer.empty() ? std::string(kHeaderBytes, '\xff') : verdict.answer;
  }
  int Code(const std::string& name, uint16_t type) { return RcodeIn(Answer(name, type)); }

  Zone zone_{{cni::ParseSubnet("10.89.0.0/24").value()}, /*forwards=*/true};
  Names names_{"back"};
};

TEST_F(JudgeTest, ANameOfTheNetworkHasItsAddress) {
  EXPECT_THAT(Answer("db", kTypeA), EndsWith("\x0a\x59\0\7"s));
  EXPECT_THAT(Answer("DB.back", kTypeA), EndsWith("\x0a\x59\0\7"s));
}

TEST_F(JudgeTest, ANameOfTheNetworkIsNeverForwarded) {
  for (uint16_t type : {kTypeAaaa, uint16_t{15}, uint16_t{16}, uint16_t{65}, kTypeNs}) {
    EXPECT_EQ(Code("db", type), static_cast<int>(Rcode::kNoError)) << type;
    EXPECT_EQ(AnswersIn(Answer("db", type)), 0) << type;
  }
}

TEST_F(JudgeTest, AnAddressOfTheNetworkIsNeverForwarded) {
  EXPECT_THAT(Answer("7.0.89.10.in-addr.arpa", kTypePtr), HasSubstr("\2db\4back\0"s));
  EXPECT_EQ(Code("8.0.89.10.in-addr.arpa", kTypePtr), static_cast<int>(Rcode::kNoSuchName));
  EXPECT_EQ(Ask(QueryFor("8.1.89.10.in-addr.arpa", kTypePtr)).kind, Verdict::Kind::kForward);
}

TEST_F(JudgeTest, OtherNamesAreForwardedUnlessTheyHaveOneLabel) {
  EXPECT_EQ(Ask(QueryFor("example.com", kTypeA)).kind, Verdict::Kind::kForward);
  EXPECT_EQ(Ask(QueryFor("example.com", kTypeA)).query.name, "example.com");
  EXPECT_EQ(Code("stopped", kTypeA), static_cast<int>(Rcode::kNoSuchName));
  EXPECT_EQ(Ask(QueryFor("com", kTypeDs)).kind, Verdict::Kind::kForward);
}

TEST_F(JudgeTest, AnInternalNetworkForwardsNothing) {
  zone_.forwards = false;
  EXPECT_EQ(Code("example.com", kTypeA), static_cast<int>(Rcode::kNoSuchName));
  EXPECT_EQ(Code("com", kTypeDs), static_cast<int>(Rcode::kNoSuchName));
  EXPECT_EQ(AnswersIn(Answer("db", kTypeA)), 1);
}

TEST_F(JudgeTest, WhatWouldAnswerVeryMuchIsRefused) {
  for (uint16_t type : {kTypeAxfr, kTypeIxfr, kTypeAny})
    EXPECT_EQ(Code("example.com", type), static_cast<int>(Rcode::kRefused)) << type;
  std::string iterative = Header(1, 0, 1) + QuestionPart("example.com", kTypeA);
  EXPECT_EQ(RcodeIn(Ask(iterative).answer), static_cast<uint8_t>(Rcode::kRefused));
}

TEST_F(JudgeTest, AnswersAreIgnored) {
  EXPECT_EQ(Ask(AnswerWith(1, "db", "10.89.0.9")).kind, Verdict::Kind::kIgnore);
}

}  // namespace
}  // namespace davit::dns
