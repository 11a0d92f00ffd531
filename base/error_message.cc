// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/error_message.h"

#include <algorithm>

namespace davit {
namespace {

struct NumberedCode {
  Code code;
  uint32_t number;
};
constexpr NumberedCode kCodes[] = {
    {Code::kCancelled, 1},         {Code::kInvalidArgument, 3},    {Code::kDeadlineExceeded, 4},
    {Code::kNotFound, 5},          {Code::kAlreadyExists, 6},      {Code::kPermissionDenied, 7},
    {Code::kResourceExhausted, 8}, {Code::kFailedPrecondition, 9}, {Code::kUnimplemented, 12},
    {Code::kInternal, 13},         {Code::kUnavailable, 14},       {Code::kDataLoss, 15},
    {Code::kUnauthenticated, 16},
};
constexpr uint32_t kInternalNumber = 13;

// By number, from 1 on.
constexpr Reason kReasons[] = {Reason::kRegistryUnavailable, Reason::kImageVolumeMountFailed,
                               Reason::kRecursiveReadOnlyUnsupported, Reason::kSignatureValidationFailed};

uint32_t NumberOf(Reason reason) {
  const auto* known = std::find(std::begin(kReasons), std::end(kReasons), reason);
  return known == std::end(kReasons) ? 0 : static_cast<uint32_t>(known - std::begin(kReasons)) + 1;
}

Reason ReasonOf(uint32_t number) {
  return number == 0 || number > std::size(kReasons) ? Reason::kNone : kReasons[number - 1];
}

}  // namespace

ErrorMessage ToMessage(const Error& error) {
  const auto* known =
      std::find_if(std::begin(kCodes), std::end(kCodes), [&](const auto& c) { return c.code == error.code; });
  uint32_t number = known != std::end(kCodes) ? known->number : kInternalNumber;
  return {number, error.os_errno, error.step, error.subject, error.context, NumberOf(error.reason)};
}

Error ToError(const ErrorMessage& message) {
  Error error{Code::kInternal, message.os_errno, message.step,
              message.subject, message.context,  ReasonOf(message.reason)};
  const auto* known = std::find_if(std::begin(kCodes), std::end(kCodes),
                                   [&](const auto& c) { return c.number == message.code; });
  if (known != std::end(kCodes)) {
    error.code = known->code;
  } else {
    error.context +=
        (error.context.empty() ? "" : " ") + ("(unknown code " + std::to_string(message.code) + ")");
  }
  return error;
}

}  // namespace davit
