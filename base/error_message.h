// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Errors between processes.
#pragma once

#include <cstdint>
#include <string>

#include "base/codec.h"
#include "base/error.h"

namespace davit {

// `code` is a number of its own, that of the gRPC status which the code becomes: Code may be reordered.
// `reason` is 0 for none, else a number of its own as well. Everything else as in Error.
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

// A code that this version does not know becomes kInternal, and its number a part of the text; a reason that
// it does not know becomes none.
Error ToError(const ErrorMessage& message);

}  // namespace davit
