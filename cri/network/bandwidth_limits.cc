// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/bandwidth_limits.h"

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace davit::cri {
namespace {

constexpr long double kLowest = 1e3L, kHighest = 1e15L;
constexpr size_t kMostDigits = 18;  // that fit exactly

// The factor of a suffix of k8s.io/apimachinery/pkg/api/resource: nothing, m, k, M... as powers of 1000, Ki,
// Mi... as powers of 1024, or an exponent.
std::optional<long double> FactorOf(std::string_view suffix) {
  constexpr std::string_view kUnits = "kMGTPE";
  if (suffix.empty()) return 1;
  if (suffix == "n") return 1e-9L;
  if (suffix == "u") return 1e-6L;
  if (suffix == "m") return 1e-3L;
  size_t unit = kUnits.find(suffix == "Ki" ? 'k' : suffix.front());
  if (suffix.size() == 1 && unit != kUnits.npos) return std::pow(1000.0L, unit + 1);
  if (suffix.size() == 2 && suffix[1] == 'i' && suffix[0] != 'k' && unit != kUnits.npos)
    return std::pow(1024.0L, unit + 1);
  if (suffix.front() != 'e' && suffix.front() != 'E') return std::nullopt;
  suffix.remove_prefix(suffix.starts_with("e+") || suffix.starts_with("E+") ? 2 : 1);
  int exponent = 0;
  auto [end, error] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), exponent);
  if (error != std::errc{} || end != suffix.data() + suffix.size()) return std::nullopt;
  return std::pow(10.0L, exponent);
}

std::optional<long double> ParseQuantity(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  if (text.starts_with('+')) text.remove_prefix(1);
  long double value = 0;
  long double scale = 1;
  size_t digits = 0;
  bool fraction = false;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    size_t digit = kDigits.find(text[at]);
    if (digit == kDigits.npos && (text[at] != '.' || fraction)) break;
    if (digit == kDigits.npos) {
      fraction = true;
      continue;
    }
    value = value * 10 + static_cast<long double>(digit);
    if (fraction) scale *= 10;
    if (++digits > kMostDigits) return std::nullopt;
  }
  std::optional<long double> factor = FactorOf(text.substr(at));
  if (digits == 0 || !factor) return std::nullopt;
  return value / scale * *factor;
}

Result<std::optional<uint64_t>> LimitIn(const ::runtime::v1::PodSandboxConfig& config,
                                        const std::string& annotation) {
  auto found = config.annotations().find(annotation);
  if (found == config.annotations().end()) return std::optional<uint64_t>();
  const std::string subject = annotation + " = \"" + found->second + '"';
  std::optional<long double> bits = ParseQuantity(found->second);
  if (!bits) return Fail(Code::kInvalidArgument, "validate", subject, "not a quantity such as \"10M\"");
  bool possible = *bits >= kLowest && *bits <= kHighest;  // false for what is not a number, too
  if (!possible)
    return Fail(Code::kInvalidArgument, "validate", subject, "not from 1k to 1P bits per second");
  return std::optional(static_cast<uint64_t>(std::ceil(*bits)));
}

}  // namespace

Result<BandwidthLimits> BandwidthOf(const ::runtime::v1::PodSandboxConfig& config) {
  BandwidthLimits limits;
  limits.ingress = TRY(LimitIn(config, "kubernetes.io/ingress-bandwidth"));
  limits.egress = TRY(LimitIn(config, "kubernetes.io/egress-bandwidth"));
  return limits;
}

}  // namespace davit::cri
