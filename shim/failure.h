// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Errors on the wire, at both of its ends.
#pragma once

#include <utility>

#include "base/codec.h"
#include "base/error.h"
#include "base/frame.h"
#include "shim/protocol.h"

namespace davit {

inline ShimFailure ToFailure(const Error& error) {
  return {static_cast<uint8_t>(error.code), error.os_errno, error.step, error.subject, error.context};
}

// A code that this version does not know becomes kInternal.
inline Error ToError(const ShimFailure& failure) {
  Code code = failure.code <= static_cast<uint8_t>(Code::kInternal) ? static_cast<Code>(failure.code)
                                                                    : Code::kInternal;
  return {code, failure.os_errno, failure.step, failure.subject, failure.context};
}

// What the shim answered: the frame itself, or the error that it tells of.
inline Result<Frame> AnswerIn(Frame frame) {
  if (frame.type != static_cast<uint16_t>(ShimMessage::kFailed)) return frame;
  return std::unexpected(ToError(TRY(Decode<ShimFailure>(frame.payload, "ShimFailure"))));
}

}  // namespace davit
