// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Turns kFailed answers into errors.
#pragma once

#include "base/error_message.h"
#include "base/frame.h"
#include "shim/protocol.h"

namespace davit::shim {

// The frame itself, or the error that it carries.
inline Result<Frame> AnswerIn(Frame frame) {
  if (frame.type != static_cast<uint32_t>(ShimMessage::kFailed)) return frame;
  return std::unexpected(ToError(TRY(Decode<ErrorMessage>(frame.payload, "the shim's error"))));
}

}  // namespace davit::shim
