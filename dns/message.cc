// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/message.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

namespace davit::dns {
namespace {

struct Free {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
  void operator()(char* text) const { std::free(text); }       // NOLINT: allocated by ldns
  void operator()(uint8_t* bytes) const { std::free(bytes); }  // NOLINT: likewise
};
using Packet = std::unique_ptr<ldns_pkt, Free>;
using Record = std::unique_ptr<ldns_rr, Free>;
using Text = std::unique_ptr<char, Free>;
using Wire = std::unique_ptr<uint8_t, Free>;

constexpr size_t kAnswerBit = 2, kCodeByte = 3;  // offsets of bytes of the header
constexpr uint8_t kQr = 0x80, kOpcode = 0x78, kRd = 0x01, kRa = 0x80;
constexpr size_t kTypeAndClass = 4;
constexpr uint16_t kMostAdditional = 2;  // OPT, and a signature

template <typename T>
T* Made(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

uint8_t ByteAt(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

uint16_t NumberAt(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(ByteAt(bytes, at) << 8 | ByteAt(bytes, at + 1));
}

const uint8_t* BytesOf(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Lengths of labels are below the letters, so a name in the packet's form can be lowered, too.
std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), Lower);
  return lowered;
}

// A header alone, for a packet whose question cannot be repeated.
std::string Refuse(std::string_view packet, Rcode code) {
  std::string answer(kHeaderBytes, '\0');
  answer[0] = packet[0];
  answer[1] = packet[1];
  answer[kAnswerBit] = static_cast<char>(kQr | (ByteAt(packet, kAnswerBit) & (kOpcode | kRd)));
  answer[kCodeByte] = static_cast<char>(kRa | static_cast<uint8_t>(code));
  return answer;
}

// The name as people write it, with the backslashes of presentation format.
std::optional<std::string> NameOf(const ldns_rdf* name) {
  Text text(ldns_rdf2str(name));
  if (text == nullptr) return std::nullopt;
  std::string lowered = Lowered(text.get());
  if (!lowered.ends_with('.')) return std::nullopt;
  lowered.pop_back();  // the root's
  return lowered;
}

bool HasOneQuestion(std::string_view packet) {
  return NumberAt(packet, 4) == 1 && NumberAt(packet, 6) == 0 && NumberAt(packet, 8) == 0 &&
         NumberAt(packet, 10) <= kMostAdditional;
}

Record NewRecord(const Query& query, ldns_rdf* data) {
  Record record(Made(ldns_rr_new()));
  size_t name_bytes = query.question_end - kTypeAndClass - kHeaderBytes;
  ldns_rr_set_owner(record.get(), Made(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_bytes,
                                                             query.bytes.data() + kHeaderBytes)));
  ldns_rr_set_type(record.get(), static_cast<ldns_rr_type>(query.type));
  ldns_rr_set_class(record.get(), LDNS_RR_CLASS_IN);
  ldns_rr_set_ttl(record.get(), 0);
  if (data == nullptr) {
    ldns_rr_set_question(record.get(), true);
  } else {
    ldns_rr_push_rdf(record.get(), data);
  }
  return record;
}

void Push(const Packet& packet, ldns_pkt_section section, Record record) {
  if (!ldns_pkt_push_rr(packet.get(), section, record.get())) throw std::bad_alloc();
  (void)record.release();
}

void PushAnswers(const Packet& packet, const Query& query, const Content& content) {
  if (query.type == kTypePtr) {
    for (const std::string& name : content.names)
      if (ldns_rdf* data = ldns_dname_new_frm_str(name.c_str()))  // null: it is too long for a name
        Push(packet, LDNS_SECTION_ANSWER, NewRecord(query, data));
    return;
  }
  for (const cni::IpAddress& address : content.addresses) {
    if (query.type != (address.family == AF_INET ? kTypeA : kTypeAaaa)) continue;
    ldns_rdf_type type = address.family == AF_INET ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA;
    Push(packet, LDNS_SECTION_ANSWER,
         NewRecord(query, Made(ldns_rdf_new_frm_data(type, address.size(), address.bytes.data()))));
  }
}

std::string Write(const Query& query, const Content& content, bool truncated) {
  Packet packet(Made(ldns_pkt_new()));
  ldns_pkt_set_id(packet.get(), query.id);
  ldns_pkt_set_qr(packet.get(), true);
  ldns_pkt_set_rd(packet.get(), query.wants_recursion);
  ldns_pkt_set_ra(packet.get(), true);
  ldns_pkt_set_tc(packet.get(), truncated);
  ldns_pkt_set_rcode(packet.get(), static_cast<uint8_t>(content.code));
  Push(packet, LDNS_SECTION_QUESTION, NewRecord(query, nullptr));
  if (!truncated) PushAnswers(packet, query, content);
  if (query.has_edns) ldns_pkt_set_edns_udp_size(packet.get(), kMostUdpBytes);
  uint8_t* bytes = nullptr;
  size_t size = 0;
  ldns_status written = ldns_pkt2wire(&bytes, packet.get(), &size);
  Wire wire(bytes);
  if (written != LDNS_STATUS_OK || bytes == nullptr) return Refuse(query.bytes, Rcode::kServerFailure);
  return {reinterpret_cast<const char*>(bytes), size};
}

std::optional<Query> Parse(std::string_view packet) {
  ldns_pkt* read = nullptr;
  if (ldns_wire2pkt(&read, BytesOf(packet), packet.size()) != LDNS_STATUS_OK) return std::nullopt;
  Packet parsed(read);
  ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(read), 0);
  if (question == nullptr || ldns_rr_owner(question) == nullptr) return std::nullopt;
  const ldns_rdf* owner = ldns_rr_owner(question);
  Query query;
  query.question_end = kHeaderBytes + ldns_rdf_size(owner) + kTypeAndClass;
  // A name that is compressed here would be longer when it is repeated.
  std::string_view name(reinterpret_cast<const char*>(ldns_rdf_data(owner)), ldns_rdf_size(owner));
  if (packet.size() < query.question_end || packet.substr(kHeaderBytes, name.size()) != name)
    return std::nullopt;
  query.bytes = packet;
  query.id = ldns_pkt_id(read);
  std::optional<std::string> text = NameOf(owner);
  if (!text) return std::nullopt;
  query.name = std::move(*text);
  query.type = ldns_rr_get_type(question);
  query.wants_recursion = ldns_pkt_rd(read);
  query.has_edns = ldns_pkt_edns(read);
  size_t announced = query.has_edns ? ldns_pkt_edns_udp_size(read) : 0;
  query.room = std::clamp(announced, query.room, kMostUdpBytes);
  return query;
}

bool IsOfClassIn(const Query& query) {
  return NumberAt(query.bytes, query.question_end - 2) == LDNS_RR_CLASS_IN;
}

}  // namespace

Reading ReadQuery(std::string_view packet) {
  if (packet.size() < kHeaderBytes || (ByteAt(packet, kAnswerBit) & kQr) != 0) return {};
  if ((ByteAt(packet, kAnswerBit) & kOpcode) != 0) return {{}, Refuse(packet, Rcode::kNotImplemented)};
  if (packet.size() > kMostQueryBytes || !HasOneQuestion(packet))
    return {{}, Refuse(packet, Rcode::kFormatError)};
  std::optional<Query> query = Parse(packet);
  if (!query) return {{}, Refuse(packet, Rcode::kFormatError)};
  if (!IsOfClassIn(*query)) return {{}, Refuse(packet, Rcode::kRefused)};
  return {std::move(query), {}};
}

std::string WriteAnswer(const Query& query, const Content& content, Transport transport) {
  std::string answer = Write(query, content, /*truncated=*/false);
  size_t room = transport == Transport::kUdp ? query.room : UINT16_MAX;
  return answer.size() <= room ? answer : Write(query, content, /*truncated=*/true);
}

bool IsAnswerTo(const Query& query, uint16_t id, std::string_view packet) {
  if (packet.size() < query.question_end || IdOf(packet) != id) return false;
  if ((ByteAt(packet, kAnswerBit) & (kQr | kOpcode)) != kQr || NumberAt(packet, 4) != 1) return false;
  size_t size = query.question_end - kHeaderBytes - kTypeAndClass;
  std::string_view asked = std::string_view(query.bytes).substr(kHeaderBytes, size + kTypeAndClass);
  std::string_view repeated = packet.substr(kHeaderBytes, size + kTypeAndClass);
  return Lowered(asked.substr(0, size)) == Lowered(repeated.substr(0, size)) &&
         asked.substr(size) == repeated.substr(size);
}

std::string PassOn(const Query& query, std::string answer, Transport transport) {
  if (transport == Transport::kUdp && answer.size() > query.room) return Write(query, {}, /*truncated=*/true);
  SetId(answer, query.id);
  return answer;
}

uint16_t IdOf(std::string_view packet) {
  return NumberAt(packet, 0);
}

void SetId(std::string& packet, uint16_t id) {
  packet[0] = static_cast<char>(id >> 8);
  packet[1] = static_cast<char>(id);
}

std::optional<cni::IpAddress> AddressInReverseName(std::string_view name) {
  constexpr std::string_view kIpv4 = ".in-addr.arpa", kIpv6 = ".ip6.arpa";
  std::string text;
  if (name.ends_with(kIpv4)) {
    name.remove_suffix(kIpv4.size());
    while (!name.empty()) {
      size_t dot = name.rfind('.');
      std::string_view label = dot == name.npos ? name : name.substr(dot + 1);
      text.append(text.empty() ? "" : ".").append(label);
      name = name.substr(0, dot == name.npos ? 0 : dot);
    }
  } else if (name.ends_with(kIpv6)) {
    constexpr size_t kDigits = 32, kGroup = 4;
    name.remove_suffix(kIpv6.size());
    if (name.size() != 2 * kDigits - 1) return std::nullopt;
    for (size_t digit = 0; digit < kDigits; ++digit) {
      size_t at = name.size() - 1 - 2 * digit;
      if (at > 0 && name[at - 1] != '.') return std::nullopt;
      if (digit > 0 && digit % kGroup == 0) text += ':';
      text += name[at];
    }
  }
  Result<cni::IpAddress> address = cni::IpAddress::Parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

}  // namespace davit::dns
