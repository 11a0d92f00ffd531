// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A predicate on the phase of a record.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace davit::cri {

// Returns whether a record, or a phase, is in a set of phases. `Record::phase` is an enumeration of small
// values.
template <typename Record>
class InPhase {
 public:
  using Phase = decltype(Record::phase);

  constexpr InPhase(std::initializer_list<Phase> phases) {
    for (Phase phase : phases) set_ |= Bit(phase);
  }
  constexpr bool operator()(Phase phase) const { return (set_ & Bit(phase)) != 0; }
  constexpr bool operator()(const Record& record) const { return (*this)(record.phase); }

 private:
  static constexpr uint32_t Bit(Phase phase) { return uint32_t{1} << static_cast<uint32_t>(phase); }

  uint32_t set_ = 0;
};

}  // namespace davit::cri
