// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as /etc/passwd and /etc/group. What is found must be found by its own name and id again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "shim/init/account_files.h"

namespace davit::shim {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// The word that the file begins with is as good a name as any.
std::string_view SomeName(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text.substr(0, text.find_first_of(":\n"));
}

void Read(std::string_view text) {
  if (auto user = FindUserByName(text, SomeName(text))) {
    Require(!user->name.empty() && user->uid <= INT32_MAX && user->gid <= INT32_MAX);
    auto by_id = FindUserById(text, user->uid);
    Require(by_id && by_id->uid == user->uid);
  }
  for (uint32_t id : {0u, 1000u, uint32_t{INT32_MAX}}) {
    auto user = FindUserById(text, id);
    if (!user) continue;
    auto by_name = FindUserByName(text, user->name);
    Require(user->uid == id && by_name && by_name->name == user->name);
  }
  if (auto group = FindGroupByName(text, SomeName(text))) Require(*group <= INT32_MAX);
  for (uint32_t group : FindGroupsOfMember(text, SomeName(text))) Require(group <= INT32_MAX);
}

}  // namespace
}  // namespace davit::shim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  davit::shim::Read({reinterpret_cast<const char*>(data), size});
  return 0;
}
