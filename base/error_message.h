// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Errors as messages between processes.
#pragma once

#include <cstdint>
#include <string>

#include "base/codec.h"
#include "base/error.h"

namespace davit {

// `code` is the number of the gRPC status to which the Code maps, so that the order of Code may change.
// `reason` is 0 for none, otherwise a fixed number (error_message.cc). The other fields are those of Error.
struct ErrorMessage {
  uint32_t code = 0;
  int32_t os_errno = 0;
  std::string step;
  std::string subject;
  std::string context;
  uint32_t reason = 0;

  auto Fields() {
    return FieldList(Field<1>(code), Field<2>(os_errno), Field<3>(step), Field<4>(subject), Field<5>(context),
                     Field<6>(reason));
  }
};

ErrorMessage ToMessage(const Error& error);

// An unknown code becomes kInternal, and its number is added to the context; an unknown reason becomes kNone.
Error ToError(const ErrorMessage& message);

}  // namespace davit
