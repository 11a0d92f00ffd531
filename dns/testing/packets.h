// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: packets byte by byte, apart from the library that the responder uses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cni/subnet.h"

namespace davit::dns {

inline std::string Number(uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

inline std::string Header(uint16_t id, uint16_t flags, uint16_t questions, uint16_t answers = 0,
                          uint16_t additional = 0) {
  return Number(id) + Number(flags) + Number(questions) + Number(answers) + Number(0) + Number(additional);
}

inline std::string Labels(std::string_view name) {
  std::string labels;
  while (!name.empty()) {
    std::string_view label = name.substr(0, name.find('.'));
    labels += static_cast<char>(label.size());
    labels += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return labels + '\0';
}

inline std::string QuestionPart(std::string_view name, uint16_t type, uint16_t of_class = 1) {
  return Labels(name) + Number(type) + Number(of_class);
}

inline std::string Opt(uint16_t udp_size) {
  return std::string(1, '\0') + Number(41) + Number(udp_size) + std::string(6, '\0');
}

constexpr uint16_t kRecursionDesired = 0x0100, kAnswerFlags = 0x8180;

inline std::string QueryFor(std::string_view name, uint16_t type, uint16_t id = 0x1234) {
  return Header(id, kRecursionDesired, 1) + QuestionPart(name, type);
}

// With one record of type A.
inline std::string AnswerWith(uint16_t id, std::string_view name, std::string_view address) {
  return Header(id, kAnswerFlags, 1, 1) + QuestionPart(name, 1) + Number(0xc00c) + Number(1) + Number(1) +
         std::string(4, '\0') + Number(4) + std::string(cni::IpAddress::Parse(address).value().wire());
}

inline uint8_t RcodeIn(std::string_view packet) {
  return static_cast<uint8_t>(packet.at(3)) & 0x0f;
}
inline bool IsTruncated(std::string_view packet) {
  return (static_cast<uint8_t>(packet.at(2)) & 0x02) != 0;
}
inline int AnswersIn(std::string_view packet) {
  return static_cast<uint8_t>(packet.at(6)) << 8 | static_cast<uint8_t>(packet.at(7));
}

}  // namespace davit::dns
