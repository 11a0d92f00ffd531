// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/tokens.h"

#include "base/ids.h"

namespace davit::streaming {
namespace {
constexpr size_t kDigits = 32;
}

const char* OrderName(const StreamOrder& order) {
  constexpr const char* kNames[] = {"exec", "attach", "portforward"};
  return kNames[order.index()];
}

Result<std::string> StreamTokens::Issue(StreamOrder order, Clock::time_point now) {
  std::string token = TRY(NewId()).substr(0, kDigits);
  MutexLock lock(mutex_);
  std::erase_if(waiting_, [now](const auto& entry) { return entry.second.until <= now; });
  if (waiting_.size() >= kMaxTokens) {
    return Fail(Code::kResourceExhausted, "prepare stream", OrderName(order),
                "too many clients have asked for a URL and not connected");
  }
  waiting_[token] = {std::move(order), now + kLifetime};
  return token;
}

std::optional<StreamOrder> StreamTokens::Redeem(const std::string& token, Clock::time_point now) {
  MutexLock lock(mutex_);
  auto entry = waiting_.extract(token);
  if (entry.empty() || entry.mapped().until <= now) return std::nullopt;
  return std::move(entry.mapped().order);
}

}  // namespace davit::streaming
