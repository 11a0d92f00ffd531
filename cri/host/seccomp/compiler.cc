// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/compiler.h"

#include <string_view>

#include "base/memfd.h"
#include "cri/host/seccomp/filter_program.h"
#include "cri/host/seccomp/json_profile.h"

namespace davit::cri {
namespace {

Result<std::shared_ptr<const SealedFilter>> Seal(const SeccompProfile& profile) {
  FilterProgram program = TRY(CompileProfile(profile));
  std::string_view bytes(reinterpret_cast<const char*>(program.instructions.data()),
                         program.instructions.size() * sizeof(sock_filter));
  SealedFilter filter;
  filter.memfd = TRY(MakeSealedMemfd("davit-seccomp", bytes));
  filter.instructions = program.instructions.size();
  filter.skipped = std::move(program.skipped);
  return std::make_shared<const SealedFilter>(std::move(filter));
}

}  // namespace

Result<SeccompCompiler::Filter> SeccompCompiler::Default(uint64_t capabilities) {
  capabilities &= DefaultProfileCapabilities();
  std::string key = "default " + std::to_string(capabilities);
  if (Filter filter = Cached(key)) return filter;
  return Remember(key, DefaultSeccompProfile(capabilities, socketcall_));
}

Result<SeccompCompiler::Filter> SeccompCompiler::Json(const std::string& json, uint64_t capabilities) {
  std::string key = std::to_string(capabilities) + " " + json;
  if (Filter filter = Cached(key)) return filter;
  return Remember(key, TRY(ParseSeccompProfile(json, capabilities)));
}

SeccompCompiler::Filter SeccompCompiler::Cached(const std::string& key) {
  MutexLock lock(mutex_);
  auto found = filters_.find(key);
  return found == filters_.end() ? nullptr : found->second;
}

Result<SeccompCompiler::Filter> SeccompCompiler::Remember(const std::string& key,
                                                          const SeccompProfile& profile) {
  Filter filter =
      TRY(Seal(profile));  // without the lock: two threads may compile the same once, the first one stays
  MutexLock lock(mutex_);
  auto [entry, added] = filters_.try_emplace(key, filter);
  if (!added) return entry->second;
  oldest_first_.push_back(key);
  if (oldest_first_.size() > kMaxCached) {
    filters_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  return filter;
}

}  // namespace davit::cri
