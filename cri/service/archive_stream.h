// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Archives of images as the messages of Export and Import (api/davit/v1/davit.proto).
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "api/davit/v1/davit.pb.h"
#include "base/error.h"
#include "images/archive/byte_sink.h"

namespace davit::cri {

// Sends an archive to a client in messages of equal size. Use: Write..., Flush.
class ExportSink final : public images::ByteSink {
 public:
  // A compromise between copies that stay in the cache and the cost of a message.
  static constexpr size_t kPieceBytes = 256 << 10;

  // `send` returns false if the client has left.
  using Send = std::function<bool(const ::davit::v1::ExportImagesResponse&)>;
  explicit ExportSink(Send send) : send_(std::move(send)) {}

  // kCancelled if the client has left.
  Result<> Write(std::string_view piece) override;
  // Sends the rest.
  Result<> Flush();

 private:
  const Send send_;
  ::davit::v1::ExportImagesResponse message_;
};

// Reads an archive to its end and passes its pieces to `take`. `read` returns false when there are no more
// messages: without an end before that, kCancelled. kInvalidArgument for a piece that is too long. Does not
// read on after an error.
Result<> ReceiveArchive(const std::function<bool(::davit::v1::ImportImagesRequest&)>& read,
                        const std::function<Result<>(std::string_view piece)>& take);

}  // namespace davit::cri
