// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a query of a container, as the answer of another resolver, as a resolv.conf and as the name of
// an address. The first byte chooses.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dns/judge.h"
#include "dns/message.h"
#include "dns/names.h"
#include "dns/server_address.h"

namespace davit::dns {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

const Names& SomeNames() {
  static const Names* names = [] {
    auto* made = new Names("back");
    Member member{"id", {"db", "alias"}};
    for (int i = 1; i < 200; ++i) member.addresses.push_back({AF_INET, {10, 89, 0, static_cast<uint8_t>(i)}});
    member.addresses.push_back({AF_INET6, {0xfd, 0, 0, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}});
    made->Put(member);
    return made;
  }();
  return *names;
}

// What is answered has the id of the query and is an answer, and over UDP it amplifies no more than stated.
void Ask(std::string_view packet, Transport transport) {
  Zone zone{{{{AF_INET, {10, 89}}, 24}}, /*forwards=*/packet.size() % 2 == 0};
  Verdict verdict = Judge(packet, transport, zone, SomeNames());
  if (verdict.kind == Verdict::Kind::kAnswer) {
    Require(verdict.answer.size() >= kHeaderBytes && verdict.answer.substr(0, 2) == packet.substr(0, 2));
    Require(transport == Transport::kTcp || verdict.answer.size() <= kMostUdpBytes);
    Require(ReadQuery(verdict.answer).refusal.empty() && !ReadQuery(verdict.answer).query);
  }
  if (verdict.kind == Verdict::Kind::kForward) {
    const Query& query = verdict.query;
    Require(zone.forwards && query.bytes == packet);
    std::string failure = WriteAnswer(query, {Rcode::kServerFailure}, transport);
    Require(IsAnswerTo(query, query.id, failure));
    Require(PassOn(query, std::string(packet), transport).size() <= std::max(packet.size(), kMostUdpBytes));
  }
}

void TakeAnswer(std::string_view packet) {
  static const Query query = [] {
    std::string bytes("\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1", 29);
    return *ReadQuery(bytes).query;
  }();
  if (IsAnswerTo(query, query.id, packet)) Require(packet.size() >= query.question_end);
}

void Read(char kind, std::string_view text) {
  if (kind == 'a') return TakeAnswer(text);
  if (kind == 'r') return Require(ParseResolvConf(text).servers.size() <= 3);
  if (kind == 'n') return (void)AddressInReverseName(text);
  Ask(text, kind == 't' ? Transport::kTcp : Transport::kUdp);
}

}  // namespace
}  // namespace davit::dns

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  davit::dns::Read(static_cast<char>(data[0]), {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
