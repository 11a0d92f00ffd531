// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Descriptors with what each is for: they travel with frames, and are taken by name, never by position.
//
// A role is a number of the protocol at hand (shim/protocol.h has FdRole). Several descriptors may have the
// same one; these keep their order.
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

// For sending: the descriptor stays the caller's.
struct RoleFd {
  template <typename Role>
  RoleFd(Role its_role, int number) : role(RoleNumber(its_role)), fd(number) {}
  uint32_t role;
  int fd;
};

// Those that nobody takes are closed with the object.
class Descriptors {
 public:
  template <typename Role>
  void Add(Role role, UniqueFd fd) {
    held_.push_back({RoleNumber(role), std::move(fd)});
  }

  // The first one of this role, or an empty one.
  template <typename Role>
  UniqueFd Take(Role role) {
    return TakeNumber(RoleNumber(role));
  }
  // kInvalidArgument, with `step` and `subject`, when there is none.
  template <typename Role>
  Result<UniqueFd> Require(Role role, std::string_view step, std::string_view subject) {
    return RequireNumber(RoleNumber(role), step, subject);
  }
  template <typename Role>
  std::vector<UniqueFd> TakeAll(Role role) {
    return TakeAllOfNumber(RoleNumber(role));
  }
  // After all that are known were taken. kInvalidArgument when there is one more, of an unknown role or of a
  // role that has only one.
  Result<> ExpectNoMore(std::string_view step, std::string_view subject) const;

  // Valid as long as this object is not changed.
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
