// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {BabyJubJub} from "./BabyJubJub.sol";
import {Consortium} from "./Consortium.sol";
import {PoseidonT6} from "./PoseidonT6.sol";
import {RegistryTree} from "./RegistryTree.sol";

/// @title Who may issue what, and what has been revoked: one Poseidon root over all accredited issuers.
/// @dev An entry is the leaf Poseidon(key.x, key.y, issuer, statusRoot, meta) while it is active, and 0 otherwise,
/// with meta = schema + version·2³² + accreditedUntil·2⁴⁸.
contract IssuerRegistry is RegistryTree {
    enum State {
        None,
        Active,
        Suspended,
        Ended
    }

    struct Entry {
        address issuer;
        uint32 schema;
        uint40 accreditedUntil;
        uint16 version;
        State state;
        BabyJubJub.Point key;
        uint256 statusRoot;
    }

    struct Accreditation {
        address issuer;
        uint32 schema;
        uint40 accreditedUntil;
        BabyJubJub.Point key;
        BabyJubJub.Point eighthOfKey;
    }

    struct RootRecord {
        uint40 publishedAt;
        uint40 supersededAt;
    }

    /// @notice Bits in a status list.
    uint256 public constant STATUS_LIST_SIZE = 131072;
    /// @notice Bits that one publication may flip.
    uint256 public constant MAX_FLIPS = 1024;
    uint256 private constant FLIP_BYTES = 3;

    /// @notice The members who govern this registry.
    Consortium public immutable consortium;
    /// @notice The root of a status list without a set bit, with which every entry starts.
    uint256 public immutable emptyStatusRoot;
    /// @notice The block from which this registry's events are to be read.
    uint256 public immutable deploymentBlock;

    /// @notice The current root.
    uint256 public root;
    /// @notice When a root became current and when it was replaced (0: it is current), in Unix seconds.
    mapping(uint256 => RootRecord) public rootRecord;

    Entry[] private _entries;
    mapping(bytes32 => bool) private _usedKeys;

    event EntryChanged(uint256 indexed index, address indexed issuer, Entry entry);
    /// @param flips indices of the flipped bits, three big-endian bytes each, ascending.
    event StatusPublished(uint256 indexed index, uint256 statusRoot, bytes flips);

    error NotConsortium(address caller);
    error NotMember(address caller);
    error NotIssuer(address caller);
    error UnknownEntry(uint256 index);
    error RegistryFull(uint256 capacity);
    error InvalidIssuer();
    error AccreditationInPast(uint256 accreditedUntil, uint256 blockTime);
    error KeyAlreadyAccredited(uint32 schema);
    error EntryNotActive(uint256 index);
    error EntryNotSuspended(uint256 index);
    error EntryHasEnded(uint256 index);
    error VersionsExhausted(uint256 index);
    error StatusRootMismatch(uint256 expected, uint256 actual);
    error StatusRootTooLarge();
    error NoFlips();
    error TooManyFlips(uint256 count, uint256 limit);
    error MalformedFlips(uint256 length);
    error FlipsNotAscending(uint256 position);
    error FlipOutOfRange(uint256 flip, uint256 listSize);

    modifier onlyConsortium() {
        if (msg.sender != address(consortium)) revert NotConsortium(msg.sender);
        _;
    }

    constructor(Consortium consortium_, PoseidonT6 poseidon_, uint256 emptyStatusRoot_) RegistryTree(poseidon_) {
        if (emptyStatusRoot_ >= BabyJubJub.FIELD_MODULUS) revert StatusRootTooLarge();
        consortium = consortium_;
        emptyStatusRoot = emptyStatusRoot_;
        deploymentBlock = block.number;
        root = EMPTY_ROOT;
        rootRecord[EMPTY_ROOT].publishedAt = uint40(block.timestamp);
    }

    /// @notice Accredits an issuer's key for a schema. A key serves once for a schema, for good: a second entry
    /// would bring an empty status list, and with it every revoked credential back.
    function accredit(Accreditation calldata request) external onlyConsortium returns (uint256 index) {
        index = _entries.length;
        if (index == CAPACITY) revert RegistryFull(CAPACITY);
        if (request.issuer == address(0)) revert InvalidIssuer();
        _useKey(request.schema, request.key, request.eighthOfKey);
        Entry storage entry = _entries.push();
        entry.issuer = request.issuer;
        entry.schema = request.schema;
        _setAccreditedUntil(entry, request.accreditedUntil);
        entry.state = State.Active;
        entry.key = request.key;
        entry.statusRoot = emptyStatusRoot;
        _entryChanged(index, entry);
    }

    /// @notice Takes an entry out of the root at once; any member may.
    function suspend(uint256 index) external {
        if (!consortium.isMember(msg.sender)) revert NotMember(msg.sender);
        Entry storage entry = _entry(index);
        if (entry.state != State.Active) revert EntryNotActive(index);
        entry.state = State.Suspended;
        // Lifting raises the version too: a suspension is never refused for want of one.
        if (entry.version != type(uint16).max) ++entry.version;
        _entryChanged(index, entry);
    }

    /// @notice Ends a suspension.
    function lift(uint256 index) external onlyConsortium {
        Entry storage entry = _entry(index);
        if (entry.state != State.Suspended) revert EntryNotSuspended(index);
        entry.state = State.Active;
        _bumpVersion(index, entry);
        _entryChanged(index, entry);
    }

    /// @notice Ends an accreditation for good.
    function end(uint256 index) external onlyConsortium {
        Entry storage entry = _live(index);
        entry.state = State.Ended;
        _entryChanged(index, entry);
    }

    /// @notice Replaces an entry's key; its status list goes on.
    function rotate(uint256 index, BabyJubJub.Point calldata key, BabyJubJub.Point calldata eighthOfKey)
        external
        onlyConsortium
    {
        Entry storage entry = _live(index);
        _useKey(entry.schema, key, eighthOfKey);
        entry.key = key;
        _bumpVersion(index, entry);
        _entryChanged(index, entry);
    }

    /// @notice Sets until when an entry is accredited.
    function renew(uint256 index, uint40 accreditedUntil) external onlyConsortium {
        Entry storage entry = _live(index);
        _setAccreditedUntil(entry, accreditedUntil);
        _bumpVersion(index, entry);
        _entryChanged(index, entry);
    }

    /// @notice Publishes a new status-list root, if the list still has the root that the issuer started from.
    /// A suspended issuer still publishes, so that no revocation is lost when the suspension is lifted.
    /// @param flips indices of the flipped bits, three big-endian bytes each, ascending.
    function publishStatus(uint256 index, uint256 expectedRoot, uint256 newRoot, bytes calldata flips) external {
        Entry storage entry = _entry(index);
        (address issuer, State state) = (entry.issuer, entry.state);
        if (msg.sender != issuer) revert NotIssuer(msg.sender);
        if (state == State.Ended) revert EntryHasEnded(index);
        if (entry.statusRoot != expectedRoot) revert StatusRootMismatch(expectedRoot, entry.statusRoot);
        if (newRoot >= BabyJubJub.FIELD_MODULUS) revert StatusRootTooLarge();
        _requireFlips(flips);
        entry.statusRoot = newRoot;
        emit StatusPublished(index, newRoot, flips);
        if (state == State.Active) _publish(index, _leaf(entry));
    }

    /// @notice Whether a root is current, or was replaced no more than `grace` seconds ago. Without a grace only the
    /// current one is fresh, even within the second of its replacement.
    function isFresh(uint256 candidate, uint256 grace) external view returns (bool) {
        RootRecord memory record = rootRecord[candidate];
        if (record.publishedAt == 0) return false;
        if (record.supersededAt == 0) return true;
        return grace != 0 && block.timestamp - record.supersededAt <= grace;
    }

    function entryCount() external view returns (uint256) {
        return _entries.length;
    }

    function entryAt(uint256 index) external view returns (Entry memory) {
        return _entry(index);
    }

    function _entry(uint256 index) private view returns (Entry storage) {
        if (index >= _entries.length) revert UnknownEntry(index);
        return _entries[index];
    }

    function _live(uint256 index) private view returns (Entry storage entry) {
        entry = _entry(index);
        if (entry.state == State.Ended) revert EntryHasEnded(index);
    }

    function _useKey(uint32 schema, BabyJubJub.Point calldata key, BabyJubJub.Point calldata eighthOfKey) private {
        BabyJubJub.requireValidKey(key, eighthOfKey);
        bytes32 id = keccak256(abi.encode(schema, key.x, key.y));
        if (_usedKeys[id]) revert KeyAlreadyAccredited(schema);
        _usedKeys[id] = true;
    }

    function _setAccreditedUntil(Entry storage entry, uint40 accreditedUntil) private {
        if (accreditedUntil <= block.timestamp) revert AccreditationInPast(accreditedUntil, block.timestamp);
        entry.accreditedUntil = accreditedUntil;
    }

    function _bumpVersion(uint256 index, Entry storage entry) private {
        if (entry.version == type(uint16).max) revert VersionsExhausted(index);
        ++entry.version;
    }

    function _entryChanged(uint256 index, Entry storage entry) private {
        emit EntryChanged(index, entry.issuer, entry);
        _publish(index, entry.state == State.Active ? _leaf(entry) : 0);
    }

    function _leaf(Entry storage entry) private view returns (uint256) {
        uint256 meta = uint256(entry.schema) | (uint256(entry.version) << 32) | (uint256(entry.accreditedUntil) << 48);
        return poseidon.hash([entry.key.x, entry.key.y, uint256(uint160(entry.issuer)), entry.statusRoot, meta]);
    }

    function _publish(uint256 index, uint256 leaf) private {
        uint256 oldRoot = root;
        uint256 newRoot = _writeLeaf(index, leaf, _entries.length);
        if (newRoot == oldRoot) return;
        root = newRoot;
        rootRecord[oldRoot].supersededAt = uint40(block.timestamp);
        // A root returns if the same state does: it is then current, and fresh, again.
        rootRecord[newRoot] = RootRecord({publishedAt: uint40(block.timestamp), supersededAt: 0});
    }

    function _requireFlips(bytes calldata flips) private pure {
        uint256 length = flips.length;
        if (length == 0) revert NoFlips();
        if (length % FLIP_BYTES != 0) revert MalformedFlips(length);
        uint256 count = length / FLIP_BYTES;
        if (count > MAX_FLIPS) revert TooManyFlips(count, MAX_FLIPS);
        uint256 next;
        for (uint256 i = 0; i < count; ++i) {
            uint256 flip;
            assembly ("memory-safe") {
                flip := shr(232, calldataload(add(flips.offset, mul(i, FLIP_BYTES))))
            }
            if (flip < next) revert FlipsNotAscending(i);
            next = flip + 1;
        }
        if (next > STATUS_LIST_SIZE) revert FlipOutOfRange(next - 1, STATUS_LIST_SIZE);
    }
}
