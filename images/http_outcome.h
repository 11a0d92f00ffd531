// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a server's answer means for the next attempt.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "images/attempts.h"
#include "images/http_client.h"

namespace davit::images {

// What an answer that is not the wanted one means for the next attempt. The error has no step and no subject;
// its code follows from the status.
Setback RefusalOf(const HttpResponse& response);

// A setback without step and subject: the host will not serve the object, however often it is asked.
std::unexpected<Setback> Refuse(Code code, std::string_view why);

// Whether a response carries the object from `first_byte` on; if not, what its status means for the next
// attempt.
Attempted<> Accept(const HttpResponse& response, int64_t first_byte);

}  // namespace davit::images
