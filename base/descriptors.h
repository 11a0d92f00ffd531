// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// File descriptors, each with a role. They are sent with frames, and taken out by role, never by position.
//
// A role is a number that the protocol defines, such as FdRole in shim/protocol.h. Several descriptors may
// have the same role; they keep their order.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

template <typename Role>
constexpr uint32_t RoleNumber(Role role) {
  if constexpr (std::is_enum_v<Role>) {
    static_assert(std::is_same_v<std::underlying_type_t<Role>, uint32_t>);
  }
  return static_cast<uint32_t>(role);
}

// A descriptor to send. The caller keeps ownership.
struct RoleFd {
  template <typename Role>
  RoleFd(Role its_role, int number) : role(RoleNumber(its_role)), fd(number) {}
  uint32_t role;
  int fd;
};

// Owns its descriptors: the destructor closes those that were not taken.
class Descriptors {
 public:
  template <typename Role>
  void Add(Role role, UniqueFd fd) {
    held_.push_back({RoleNumber(role), std::move(fd)});
  }

  // Takes the first descriptor of this role; returns an invalid UniqueFd if there is none.
  template <typename Role>
  UniqueFd Take(Role role) {
    return TakeNumber(RoleNumber(role));
  }
  // As Take, but kInvalidArgument, with `step` and `subject`, if there is none.
  template <typename Role>
  Result<UniqueFd> Require(Role role, std::string_view step, std::string_view subject) {
    return RequireNumber(RoleNumber(role), step, subject);
  }
  template <typename Role>
  std::vector<UniqueFd> TakeAll(Role role) {
    return TakeAllOfNumber(RoleNumber(role));
  }
  // Call it after all expected descriptors were taken. kInvalidArgument if one is left: it has an unknown
  // role, or is the second one of a role that allows one.
  Result<> ExpectNoMore(std::string_view step, std::string_view subject) const;

  // All descriptors, without ownership; valid until this object is changed or destroyed.
  std::vector<RoleFd> Borrow() const;
  size_t size() const { return held_.size(); }
  bool empty() const { return held_.empty(); }

 private:
  struct Held {
    uint32_t role;
    UniqueFd fd;
  };

  UniqueFd TakeNumber(uint32_t role);
  Result<UniqueFd> RequireNumber(uint32_t role, std::string_view step, std::string_view subject);
  std::vector<UniqueFd> TakeAllOfNumber(uint32_t role);

  std::vector<Held> held_;
};

}  // namespace davit
