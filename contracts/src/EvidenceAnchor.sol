// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Merkle roots of batches of evidence: heads of audit logs, consent artefacts, custody, trial events.
/// @dev Whoever anchors does so under its own address. Each kind of a submitter's evidence is numbered from 1, so that
/// a batch that is left out is missed. Nothing is ever changed: later evidence supersedes earlier.
contract EvidenceAnchor {
    struct Batch {
        bytes32 kind;
        uint32 policyVersion;
        bytes32 root;
        uint32 leafCount;
    }

    struct Anchor {
        uint40 anchoredAt;
        uint64 sequence;
        uint32 policyVersion;
        uint32 leafCount;
    }

    /// @notice The most leaves that a batch may have.
    uint32 public constant MAX_LEAVES = 1 << 20;

    /// @notice The block from which this contract's events are to be read.
    uint256 public immutable deploymentBlock = block.number;

    mapping(address => mapping(bytes32 => mapping(bytes32 => Anchor))) private _anchors;
    mapping(address => mapping(bytes32 => uint64)) private _counts;

    event EvidenceAnchored(
        address indexed submitter,
        bytes32 indexed kind,
        uint64 sequence,
        bytes32 root,
        uint32 policyVersion,
        uint32 leafCount
    );

    error ZeroKind();
    error ZeroRoot();
    error NoLeaves();
    error TooManyLeaves(uint256 count, uint256 limit);
    error AlreadyAnchored(address submitter, bytes32 kind, bytes32 root);

    /// @notice Anchors a batch under the caller's address, once.
    /// @return sequence the batch's number among the caller's of this kind.
    function anchor(Batch calldata batch) external returns (uint64 sequence) {
        if (batch.kind == 0) revert ZeroKind();
        if (batch.root == 0) revert ZeroRoot();
        if (batch.leafCount == 0) revert NoLeaves();
        if (batch.leafCount > MAX_LEAVES) revert TooManyLeaves(batch.leafCount, MAX_LEAVES);
        Anchor storage slot = _anchors[msg.sender][batch.kind][batch.root];
        if (slot.anchoredAt != 0) revert AlreadyAnchored(msg.sender, batch.kind, batch.root);
        sequence = ++_counts[msg.sender][batch.kind];
        _anchors[msg.sender][batch.kind][batch.root] =
            Anchor(uint40(block.timestamp), sequence, batch.policyVersion, batch.leafCount);
        emit EvidenceAnchored(msg.sender, batch.kind, sequence, batch.root, batch.policyVersion, batch.leafCount);
    }

    /// @notice When and as what a root was anchored; all zero if it was not.
    function anchorOf(address submitter, bytes32 kind, bytes32 root) external view returns (Anchor memory) {
        return _anchors[submitter][kind][root];
    }

    /// @notice How many batches of a kind a submitter has anchored: the number of the last one.
    function count(address submitter, bytes32 kind) external view returns (uint64) {
        return _counts[submitter][kind];
    }
}
