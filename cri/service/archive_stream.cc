// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/archive_stream.h"

#include <algorithm>

#include "cri/service/field_limits.h"

namespace davit::cri {

Result<> ExportSink::Write(std::string_view piece) {
  std::string& data = *message_.mutable_data();
  while (!piece.empty()) {
    size_t size = std::min(piece.size(), kPieceBytes - data.size());
    data.append(piece.substr(0, size));
    piece.remove_prefix(size);
    if (data.size() == kPieceBytes) TRY(Flush());
  }
  return {};
}

Result<> ExportSink::Flush() {
  if (message_.data().empty()) return {};
  if (!send_(message_)) return Fail(Code::kCancelled, "", "", "the client has left");
  message_.mutable_data()->clear();  // keeps its memory
  return {};
}

Result<> ReceiveArchive(const std::function<bool(::davit::v1::ImportImagesRequest&)>& read,
                        const std::function<Result<>(std::string_view piece)>& take) {
  ::davit::v1::ImportImagesRequest message;
  while (read(message)) {
    TRY(LimitText("data", message.data(), kMostImportPiece));
    TRY(take(message.data()));
    if (message.end()) return {};
  }
  return Fail(Code::kCancelled, "read", "archive", "the client has left before the end");
}

}  // namespace davit::cri
