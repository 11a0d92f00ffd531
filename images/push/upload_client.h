// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The requests of a push to one repository (OCI distribution-spec, "Push").
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/attempts.h"
#include "images/host_client.h"
#include "images/reference.h"
#include "images/url.h"

namespace davit::images {

// An upload that the registry has begun.
struct Upload {
  Url location;                // of the next request
  int64_t received = 0;        // bytes that the registry has
  int64_t shortest_piece = 0;  // bytes: OCI-Chunk-Min-Length, which all pieces but the last have at least
};

// What the registry did with a piece of a blob.
enum class Taken : uint8_t {
  kYes,
  kTooLarge,  // no: a server on the way accepts no request of this size (413)
  kLost,      // no: it does not know the upload any more, or expects another piece
};

// One attempt each; setbacks have no subject, and their texts say what a user can do. Thread-safe.
class UploadClient {
 public:
  // Called with the bytes of the piece that were sent so far.
  using OnSent = std::function<void(int64_t bytes)>;

  // Both must outlive the client.
  UploadClient(HostClient& host, const Reference& target) : host_(host), target_(target) {}

  // False also if the registry does not answer this question: the upload will show.
  Attempted<bool> HasBlob(const std::string& digest);

  Attempted<Upload> Start();
  // Asks the registry to take the blob from another repository of its own. nullopt: it has done so. Otherwise
  // an upload, or a setback.
  Attempted<std::optional<Upload>> Mount(const std::string& digest, const std::string& from);

  // Asks what the registry has of the blob, for Upload::received. False: the upload is lost.
  Attempted<bool> Query(Upload& upload);

  // Sends the piece after `upload.received` (PATCH). An error leaves it open how much of it has arrived: see
  // Query.
  Attempted<Taken> Send(Upload& upload, std::string_view piece, const OnSent& on_sent);

  // Ends the upload with its last piece, which may be empty (PUT). The registry then verifies the digest.
  Attempted<Taken> Finish(const Upload& upload, const std::string& digest, std::string_view piece,
                          const OnSent& on_sent);

  // Stores the manifest under a tag or its digest. kDataLoss if the registry says that it has stored another
  // one.
  Attempted<> PutManifest(const std::string& tag_or_digest, const std::string& media_type,
                          std::string_view manifest, const std::string& digest);

 private:
  struct PieceAnswer {
    Taken taken;
    HttpResponse response;  // empty unless the piece was taken
  };

  ApiRequest RequestFor(Method method, const std::string& path) const;
  ApiRequest RequestFor(Method method, const Upload& upload) const;
  std::unexpected<Setback> Refused(const HttpResponse& response) const;
  // Sends the request with the piece as its body.
  Attempted<PieceAnswer> SendPiece(ApiRequest request, std::string_view piece, const OnSent& on_sent);

  HostClient& host_;
  const Reference& target_;
};

}  // namespace davit::images
