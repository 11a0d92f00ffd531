// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/descriptors.h"

#include <algorithm>
#include <string>

namespace davit {
namespace {

std::unexpected<Error> Unfit(std::string_view step, std::string_view subject, uint32_t role,
                             const char* how) {
  return Fail(Code::kInvalidArgument, step, subject,
              "a descriptor of role " + std::to_string(role) + " is " + how);
}

}  // namespace

UniqueFd Descriptors::TakeNumber(uint32_t role) {
  auto found =
      std::find_if(held_.begin(), held_.end(), [role](const Held& held) { return held.role == role; });
  if (found == held_.end()) return UniqueFd();
  UniqueFd fd = std::move(found->fd);
  held_.erase(found);
  return fd;
}

Result<UniqueFd> Descriptors::RequireNumber(uint32_t role, std::string_view step, std::string_view subject) {
  UniqueFd fd = TakeNumber(role);
  if (!fd) return Unfit(step, subject, role, "missing");
  return fd;
}

std::vector<UniqueFd> Descriptors::TakeAllOfNumber(uint32_t role) {
  std::vector<UniqueFd> taken;
  for (UniqueFd fd = TakeNumber(role); fd; fd = TakeNumber(role)) taken.push_back(std::move(fd));
  return taken;
}

Result<> Descriptors::ExpectNoMore(std::string_view step, std::string_view subject) const {
  if (held_.empty()) return {};
  return Unfit(step, subject, held_.front().role, "not expected");
}

std::vector<RoleFd> Descriptors::Borrow() const {
  std::vector<RoleFd> borrowed;
  borrowed.reserve(held_.size());
  for (const Held& held : held_) borrowed.emplace_back(held.role, held.fd.get());
  return borrowed;
}

}  // namespace davit
