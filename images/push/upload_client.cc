// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/upload_client.h"

#include <charconv>
#include <limits>
#include <utility>

#include "images/http_outcome.h"
#include "images/redirect.h"

namespace davit::images {
namespace {

// A registry on an object store copies a blob before it answers: minutes for some gigabytes.
constexpr int kAnswerTimeoutSeconds = 15 * 60;

std::string_view AdviceFor(int status) {
  switch (status) {
    case 401:
      return "log in to this registry with an account that may push to the repository";
    case 403:
      return "this account may not push to the repository: log in with another one, or change its rights";
    case 404:
      return "create the repository in this registry first, or check its name";
    case 405:
      return "the registry, or a proxy in front of it, is read-only";
    case 413:
      return "a server in front of the registry limits the size of requests: raise its limit";
    case 507:
      return "the registry has no space left";
    default:
      return "";
  }
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool valid = error == std::errc() && end == text.data() + text.size() && number >= 0;
  return valid ? std::optional(number) : std::nullopt;
}

// From "0-1023". Some registries write "0-0" for nothing, too: `expected` decides.
std::optional<int64_t> ReceivedBytes(std::string range, int64_t expected) {
  if (range.starts_with("bytes=")) range.erase(0, 6);
  if (!range.starts_with("0-")) return std::nullopt;
  auto last = Number(std::string_view(range).substr(2));
  if (!last || *last == std::numeric_limits<int64_t>::max()) return last;
  return *last == 0 && expected != 1 ? 0 : *last + 1;
}

// Where the upload continues; kInvalidArgument if that is no usable address.
Result<Url> NextLocation(const HttpResponse& response) {
  if (response.Header("location").empty()) return response.url;
  return NextHop(response.url, response);
}

Attempted<Upload> Begun(const HttpResponse& response) {
  if (response.Header("location").empty())
    return Refuse(Code::kInternal, "began an upload without a Location");
  auto location = NextHop(response.url, response);
  if (!location) return Refuse(Code::kInternal, location.error().context);
  Upload upload;
  upload.location = std::move(*location);
  upload.shortest_piece = Number(response.Header("oci-chunk-min-length")).value_or(0);
  return upload;
}

bool IsSuccess(int status) {
  return status >= 200 && status <= 299;
}

bool IsOutOfStep(int status) {
  return status == 404 || status == 416;
}

}  // namespace

ApiRequest UploadClient::RequestFor(Method method, const std::string& path) const {
  ApiRequest request;
  request.method = method;
  request.path = target_.repository + "/" + path;
  request.registry = target_.host;
  bool stores = method == Method::kPut || method == Method::kPatch;
  if (stores) request.answer_timeout_seconds = kAnswerTimeoutSeconds;
  return request;
}

ApiRequest UploadClient::RequestFor(Method method, const Upload& upload) const {
  ApiRequest request = RequestFor(method, "");
  request.location = upload.location;
  return request;
}

std::unexpected<Setback> UploadClient::Refused(const HttpResponse& response) const {
  Setback setback = RefusalOf(response);
  bool wants_account = response.status == 401 || response.status == 403;
  std::string advice(AdviceFor(response.status));
  if (wants_account && host_.withholds_credentials()) {
    advice = "the credentials given are for " + target_.host +
             " and are not sent to it: push to it by its own name, or make it the server in hosts.toml";
  }
  if (!advice.empty()) setback.error.context += ": " + advice;
  return std::unexpected(std::move(setback));
}

Attempted<bool> UploadClient::HasBlob(const std::string& digest) {
  auto response = host_.Send(RequestFor(Method::kHead, "blobs/" + digest));
  if (!response) return std::unexpected(std::move(response).error());
  if (response->status == 200) return true;
  Setback refusal = RefusalOf(*response);
  bool says_nothing =
      refusal.outcome == Outcome::kRefused && response->status != 401 && response->status != 403;
  if (says_nothing) return false;
  return Refused(*response);
}

Attempted<Upload> UploadClient::Start() {
  auto response = host_.Send(RequestFor(Method::kPost, "blobs/uploads/"));
  if (!response) return std::unexpected(std::move(response).error());
  if (response->status != 202) return Refused(*response);
  return Begun(*response);
}

Attempted<std::optional<Upload>> UploadClient::Mount(const std::string& digest, const std::string& from) {
  std::string query = "?mount=" + EncodeQueryValue(digest) + "&from=" + EncodeQueryValue(from);
  auto response = host_.Send(RequestFor(Method::kPost, "blobs/uploads/" + query));
  if (!response) return std::unexpected(std::move(response).error());
  if (response->status == 201) return std::nullopt;
  if (response->status != 202) return Refused(*response);
  auto upload = Begun(*response);
  if (!upload) return std::unexpected(std::move(upload).error());
  return std::move(*upload);
}

Attempted<bool> UploadClient::Query(Upload& upload) {
  auto response = host_.Send(RequestFor(Method::kGet, upload));
  if (!response) return std::unexpected(std::move(response).error());
  if (IsOutOfStep(response->status)) return false;
  // 204 says the specification; 202 and 200 are seen as well.
  if (!IsSuccess(response->status)) return Refused(*response);
  auto received = ReceivedBytes(response->Header("range"), /*expected=*/0);
  auto location = NextLocation(*response);
  if (!location) return Refuse(Code::kInternal, location.error().context);
  if (!received) return false;
  upload.received = *received;
  upload.location = std::move(*location);
  return true;
}

Attempted<UploadClient::PieceAnswer> UploadClient::SendPiece(ApiRequest request, std::string_view piece,
                                                             const OnSent& on_sent) {
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  request.body = piece;
  request.on_sent = on_sent;
  auto response = host_.Send(request);
  if (!response) return std::unexpected(std::move(response).error());
  if (response->status == 413) return PieceAnswer{Taken::kTooLarge, {}};
  if (IsOutOfStep(response->status)) return PieceAnswer{Taken::kLost, {}};
  if (!IsSuccess(response->status)) return Refused(*response);
  return PieceAnswer{Taken::kYes, std::move(*response)};
}

Attempted<Taken> UploadClient::Send(Upload& upload, std::string_view piece, const OnSent& on_sent) {
  int64_t end = upload.received + static_cast<int64_t>(piece.size());
  ApiRequest request = RequestFor(Method::kPatch, upload);
  request.headers = {{"Content-Range", std::to_string(upload.received) + "-" + std::to_string(end - 1)}};
  auto answer = SendPiece(std::move(request), piece, on_sent);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->taken != Taken::kYes) return answer->taken;
  auto location = NextLocation(answer->response);
  if (!location) return Refuse(Code::kInternal, location.error().context);
  int64_t received = ReceivedBytes(answer->response.Header("range"), end).value_or(end);
  if (received <= upload.received || received > end) return Taken::kLost;
  upload.location = std::move(*location);
  upload.received = received;
  return Taken::kYes;
}

Attempted<Taken> UploadClient::Finish(const Upload& upload, const std::string& digest, std::string_view piece,
                                      const OnSent& on_sent) {
  ApiRequest request = RequestFor(Method::kPut, upload);
  auto url =
      ParseUrl(upload.location.text + (upload.location.text.find('?') == std::string::npos ? "?" : "&") +
               "digest=" + EncodeQueryValue(digest));
  if (!url) return std::unexpected(Setback(std::move(url).error()));
  request.location = std::move(*url);
  auto answer = SendPiece(std::move(request), piece, on_sent);
  if (!answer) return std::unexpected(std::move(answer).error());
  return answer->taken;
}

Attempted<> UploadClient::PutManifest(const std::string& tag_or_digest, const std::string& media_type,
                                      std::string_view manifest, const std::string& digest) {
  ApiRequest request = RequestFor(Method::kPut, "manifests/" + tag_or_digest);
  request.headers = {{"Content-Type", media_type}};
  request.body = manifest;
  auto response = host_.Send(request);
  if (!response) return std::unexpected(std::move(response).error());
  if (!IsSuccess(response->status)) return Refused(*response);
  std::string stored = response->Header("docker-content-digest");
  if (stored.empty() || stored == digest) return {};
  return Refuse(Code::kDataLoss, "stored the manifest as " + stored + ", not as " + digest);
}

}  // namespace davit::images
